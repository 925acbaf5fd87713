import { readFileSync } from 'node:fs';
import t from 'tap';
import {
  decode,
  type Flow,
  flowBody,
  flowKey,
  type MessageOf,
  parseActions,
  parseFlow,
  printActions,
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

const flowsOf = (text: Text): Flow[] =>
  text.messages
    .map((hex) => decode(Buffer.from(hex, 'hex')))
    .filter((message): message is MessageOf<'flowDescReply'> => message.type === 'flowDescReply')
    .flatMap(({ flows }) => flows);

/** Printed in another way than ovs-ofctl prints it, which leaves out their masks. */
const plainly = /tun_erspan|gtpu/;

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
    if (readOtherwise.test(text)) continue;
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
      if (!told || /priority=(100|162),/.test(command)) continue;
      found++;
      if (flowBody(told) !== flowBody(message)) t.equal(flowBody(told), flowBody(message), command);
    }
    t.ok(found > 90, `${version}: ${found} flows`);
  }
});

t.test('actions of Open vSwitch with a language of their own parse to what they print', async (t) => {
  for (const text of [
    'learn(table=2,idle_timeout=10,priority=5,delete_learned,cookie=0x7,eth_type=0x800,NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[])',
    'learn(table=9,NXM_OF_VLAN_TCI[0..11],load:0x1->NXM_NX_REG0[0],load:NXM_OF_IN_PORT[]->NXM_NX_REG1[0..15])',
    'learn(table=9,eth_dst=02:00:00:00:00:01,output:NXM_OF_IN_PORT[])',
    'multipath(symmetric_l3l4+udp,50,hrw,4,0,NXM_NX_REG0[0..7])',
    'bundle(eth_src,0,hrw,ofport,members:1,2,3)',
    'bundle_load(symmetric_l4,60,active_backup,ofport,NXM_NX_REG0[],members:1,2)',
    'controller(reason=no_match,max_len=64,id=3,userdata=01.02.ff,pause,meter_id=5)',
    'encap(nsh(md_type=2)),encap(ethernet),encap(nsh)',
    'decap(),decap(packet_type(ns=1,type=0x894f))',
    'check_pkt_larger(1500)->NXM_NX_REG0[3]',
    'sample(probability=1,collector_set_id=2,obs_domain_id=3,obs_point_id=4)',
    'sample(probability=1,collector_set_id=2,obs_domain_id=3,obs_point_id=4,sampling_port=LOCAL,ingress)',
    'learn(table=3,limit=5,result_dst=NXM_NX_REG0[3],NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[])',
    'encap(nsh(md_type=2,tlv(0x1000,10,0x12345678)))',
    'set_field:0x1234/0xffff->tun_metadata0,delete_field:tun_metadata63',
    'ct(commit,zone=5,nat(src=[fe80::1]-[fe80::2]:1-2,persistent),exec(set_field:0x1->ct_mark))',
  ]) {
    t.equal(printActions(parseActions(text)), text);
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
