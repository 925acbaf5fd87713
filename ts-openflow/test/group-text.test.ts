import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import t from 'tap';
import {
  decode,
  type GroupDesc,
  type Message,
  parseGroup,
  printGroup,
  TextError,
  type Version,
} from '../src/index.ts';

interface Vector {
  readonly from: string;
  readonly command: string;
  readonly hex: string;
}

const vectors: Vector[] = readFileSync(new URL('./vectors/ovs.jsonl', import.meta.url), 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line));
const messages = vectors.map((vector) => ({ ...vector, message: decode(Buffer.from(vector.hex, 'hex')) }));

const groupsOf = (message: Message): readonly GroupDesc[] =>
  message.type === 'groupDescReply' ? message.groups : message.type === 'groupMod' ? [message] : [];
const describing = ({ commandBucketId: _, ...rest }: GroupDesc & { commandBucketId?: number }) => rest;

t.test('groups print as ovs-ofctl prints them', async (t) => {
  let compared = 0;
  for (const { hex, message } of messages) {
    // A change of some buckets says no more than them.
    if (message.type === 'groupMod' && message.command > 2) continue;
    const groups = groupsOf(message);
    if (groups.length === 0) continue;
    const theirs = execFileSync('ovs-ofctl', ['ofp-print', hex], { encoding: 'utf8' })
      .split('\n')
      .flatMap((line) => /group_id=.*$/.exec(line)?.[0] ?? []);
    compared += groups.length;
    t.same(
      groups.map((group) => printGroup(group, message.version as Version)),
      theirs,
    );
  }
  t.ok(compared > 25, `${compared} groups`);
});

t.test('what prints parses to the same group', async (t) => {
  for (const { message } of messages) {
    for (const group of groupsOf(message)) {
      if (group.group > 0xffffff00) continue;
      const { groupType, group: id, buckets, properties } = describing(group);
      t.same(parseGroup(printGroup(group, 6)), { groupType, group: id, buckets, properties });
    }
  }
});

t.test('a command of add-group parses to what ovs-ofctl sends for it', async (t) => {
  let compared = 0;
  for (const { from, command, message } of messages) {
    const [, text] = /(?:add|mod)-group BR (.*)$/.exec(command) ?? [];
    if (from !== 'ofctl' || !text || message.type !== 'groupMod') continue;
    compared++;
    t.match(message, parseGroup(text), command);
  }
  t.ok(compared >= 12, `${compared} commands`);
});

t.test('old numbers, masks and words that stand for numbers', async (t) => {
  const text =
    'group_id=9,type=select,selection_method=hash,selection_method_param=7,fields(ip_dst=255.255.255.0,nw_proto),' +
    'bucket=bucket_id:3,weight:2,watch_port:LOCAL,watch_group:5,actions=drop';
  t.equal(printGroup(parseGroup(text), 6), text);
  const [found] = parseGroup(text).properties;
  t.equal(
    printGroup({ ...parseGroup(text), properties: [{ ...found, type: 'oldSelectionMethod' } as never] }, 6),
    text,
  );
  t.equal(
    printGroup(parseGroup('group_id=1 type=fast_failover bucket=watch_port=1,2 bucket=weight=3,output:4'), 4),
    'group_id=1,type=ff,bucket=watch_port:1,actions=output:2,bucket=weight:3,actions=output:4',
  );
});

t.test('what is no group is named', async (t) => {
  for (const [text, message] of [
    ['type=all', /no group_id/],
    ['group_id=1', /no type/],
    ['group_id=1,type=some', /some/],
    ['group_id=1,type=all,colour=3', /colour/],
    ['group_id=0xffffffff,type=all', /more than/],
    ['group_id=1,type=all,bucket=weight:70000', /weight/],
    ['group_id=1,type=all,bucket=fly', /fly/],
    ['group_id=1,type=select,fields(ip_src)', /selection_method/],
    ['group_id=1,type=select,selection_method=hash,fields(nose)', /nose/],
  ] as const)
    t.throws(() => parseGroup(text), { constructor: TextError, message });
});
