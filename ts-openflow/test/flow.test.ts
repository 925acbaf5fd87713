import { readFileSync } from 'node:fs';
import t from 'tap';
import {
  decode,
  type Flow,
  flowBody,
  flowKey,
  type MessageOf,
  parseFlow,
  printFlow,
  TextError,
} from '../src/index.ts';

interface Vector {
  readonly from: string;
  readonly command: string;
  readonly hex: string;
}

interface Text {
  readonly command: string;
  readonly text: string;
  readonly messages: readonly string[];
}

function lines<T>(file: string): T[] {
  const text = readFileSync(new URL(`./vectors/${file}`, import.meta.url), 'utf8').trim();
  return text.split('\n').map((line) => JSON.parse(line));
}

const vectors = lines<Vector>('ovs.jsonl');
const texts = lines<Text>('text.jsonl');

/**
 * What ovs-ofctl makes of a text is not what it says: it pushes a tag before mod_vlan_vid where none is
 * matched, and masks ERSPAN and GTP-U fields with their own values.
 */
const readOtherwise = /dl_vlan=0xffff|tun_erspan|gtpu/;

/** What parseFlow says that it does not know; everything else in the recorded commands it must. */
const notParsed = /learn\(|multipath|bundle|encap|decap|check_pkt|sample|delete_field|userdata|tun_metadata/;

const flowsOf = (text: Text): Flow[] =>
  text.messages
    .map((hex) => decode(Buffer.from(hex, 'hex')))
    .filter((message): message is MessageOf<'flowDescReply'> => message.type === 'flowDescReply')
    .flatMap(({ flows }) => flows);

/**
 * Printed in another way than ovs-ofctl prints it: actions whose arguments it has a syntax of its own for, and
 * ERSPAN and GTP-U fields, whose masks it leaves out.
 */
const plainly = /learn\(|multipath|bundle|encap|decap|tun_metadata|tun_erspan|gtpu/;

t.test('flows print as ovs-ofctl prints them', async (t) => {
  let compared = 0;
  for (const text of texts) {
    const expected = text.text.trim().split('\n');
    const flows = text.messages.length > 3 ? [] : flowsOf(text);
    for (const [index, flow] of flows.entries()) {
      const line = expected[index]?.trim() ?? '';
      if (plainly.test(line)) continue;
      compared++;
      if (printFlow(flow) !== line) t.equal(printFlow(flow), line, text.command);
    }
  }
  t.ok(compared > 150, `${compared} flows`);
});

t.test('what prints parses to the same flow', async (t) => {
  for (const text of texts) {
    for (const flow of flowsOf(text)) {
      const line = printFlow(flow);
      if (notParsed.test(line)) continue;
      const again = parseFlow(line);
      if (flowKey(again) !== flowKey(flow)) t.equal(flowKey(again), flowKey(flow), line);
      if (flowBody(again) !== flowBody(flow)) t.equal(flowBody(again), flowBody(flow), line);
    }
  }
});

t.test('a command of add-flow parses to what ovs-ofctl sends for it', async (t) => {
  let compared = 0;
  for (const { from, command, hex } of vectors) {
    const [, text] = /^\S+ add-flow BR (.*)$/.exec(command) ?? [];
    const message = decode(Buffer.from(hex, 'hex'));
    if (from !== 'ofctl' || !text || message.type !== 'flowMod') continue;
    if (notParsed.test(text) || readOtherwise.test(text)) continue;
    const flow = parseFlow(text);
    compared++;
    if (flowKey(flow) !== flowKey(message)) t.equal(flowKey(flow), flowKey(message), command);
    if (flowBody(flow) !== flowBody(message)) t.equal(flowBody(flow), flowBody(message), command);
  }
  t.ok(compared > 150, `${compared} commands`);
});

t.test('what the switch tells of a flow is what was sent', async (t) => {
  for (const version of ['OpenFlow13', 'OpenFlow15']) {
    const reported = texts
      .filter(({ command }) => command === `${version} --no-stats dump-flows BR`)
      .flatMap(flowsOf);
    const byKey = new Map(reported.map((flow) => [flowKey(flow), flow]));
    let found = 0;
    for (const { from, command, hex } of vectors) {
      const message = decode(Buffer.from(hex, 'hex'));
      if (from !== 'ofctl' || !command.startsWith(`${version} add-flow BR`) || message.type !== 'flowMod')
        continue;
      const told = byKey.get(flowKey(message));
      // Flows that were refused, changed by a later command, or carry what only this switch can know.
      if (!told || /priority=(100|162),|tun_metadata/.test(command)) continue;
      found++;
      if (flowBody(told) !== flowBody(message)) t.equal(flowBody(told), flowBody(message), command);
    }
    t.ok(found > 90, `${version}: ${found} flows`);
  }
});

t.test('what cannot be parsed is named', async (t) => {
  const wrong = [
    ['in_port=1', /no actions=/],
    ['colour=3,actions=drop', /colour/],
    ['tp_dst=3,actions=drop', /tp_dst needs/],
    ['actions=fly', /fly/],
    ['actions=set_field:1->nose', /nose/],
    ['dl_dst=02:00:00:00:00,actions=drop', /MAC/],
    ['ip,nw_src=10.0.0.0/33,actions=drop', /33/],
    ['actions=ct(commit', /not closed/],
  ] as const;
  for (const [text, message] of wrong) {
    t.throws(() => parseFlow(text), { name: 'TextError', message });
    t.throws(() => parseFlow(text), TextError);
  }
});
