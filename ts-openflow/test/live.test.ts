/** A private Open vSwitch is told flows, over both versions, and asked what it has. */
import { execFileSync } from 'node:child_process';
import { connect, type Socket } from 'node:net';
import t from 'tap';
import {
  bundleControls,
  bundleFlags,
  decode,
  encode,
  errorName,
  type Flow,
  FrameDecoder,
  flowBody,
  flowCommands,
  flowKey,
  groups,
  type Message,
  type MessageOf,
  MultipartAssembler,
  makeHello,
  noBuffer,
  parseFlow,
  ports,
  printFlow,
  type Version,
} from '../src/index.ts';
import { startSwitch } from './vectors/switch.ts';

const flows = [
  'table=0,priority=100,in_port=1,actions=write_metadata:0x1234/0xffff,goto_table:1',
  'table=0,priority=101,dl_dst=01:00:00:00:00:00/01:00:00:00:00:00,dl_vlan=7,actions=pop_vlan,output:2',
  'table=0,priority=102,dl_src=02:00:00:00:00:01/ff:ff:ff:ff:ff:00,actions=drop',
  'table=0,priority=103,arp,arp_op=1,arp_tpa=10.0.0.9/24,actions=CONTROLLER:128',
  'table=0,priority=104,vlan_tci=0x1000/0x1000,actions=output:1',
  'table=0,priority=105,vlan_tci=0,actions=push_vlan:0x8100,set_field:4103->vlan_vid,set_field:3->vlan_pcp,output:1',
  'table=0,priority=106,icmp6,icmpv6_type=135,nd_target=fe80::1,actions=normal',
  'table=0,priority=107,ip,nw_tos=32,nw_ecn=1,nw_frag=not_later,actions=dec_ttl,output:2',
  'table=0,priority=108,tcp,tp_dst=0x1000/0xf000,tcp_flags=+syn-ack,actions=output:in_port',
  'table=0,priority=109,reg0=5,reg1=0x10/0xf0,xreg2=7,actions=load:0x3->NXM_NX_REG0[4..7],load:1->reg0[0],output:1',
  'table=0,priority=110,actions=set_field:0x5/0xf0f->metadata,set_field:0x5->reg3,move:reg0[0..15]->reg1[16..31],1',
  'table=0,priority=111,ip,actions=ct(commit,zone=reg0[0..15],nat(src=10.0.0.1-10.0.0.9:1-9),exec(set_field:1->ct_mark),table=2)',
  'table=0,priority=112,ct_state=+trk+est,ct_mark=0x1/0xf,tcp,actions=ct_clear,resubmit(,2)',
  'table=0,priority=113,actions=learn(table=2,priority=5,NXM_OF_VLAN_TCI[0..11],NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[],output:NXM_OF_IN_PORT[])',
  'table=0,priority=114,actions=meter:1,output:1',
  'table=0,priority=115,actions=clear_actions,write_actions(set_field:02:00:00:00:00:09->eth_dst,output:2),goto_table:3',
  'table=0,priority=116,in_port=3,actions=conjunction(9,1/2)',
  'table=0,priority=117,conj_id=9,actions=output:3',
  'table=0,priority=118,tun_id=0x5/0xff,tun_dst=10.0.0.0/8,actions=set_field:7->tun_id,set_field:9.9.9.9->tun_dst,output:1',
  'table=0,priority=119,ipv6,ipv6_src=fe80::5/64,ipv6_label=0x12345,actions=clone(dec_ttl,output:2),output:1',
  'table=0,priority=120,actions=set_queue:3,output:1,pop_queue,note:01.02,exit',
  'table=0,priority=121,mpls,mpls_label=7,mpls_bos=1,actions=pop_mpls:0x0800,output:1',
  'table=0,priority=122,actions=group:1',
  'table=0,priority=123,actions=controller(reason=no_match,id=3,userdata=01.02)',
  'table=1,priority=1,cookie=0xc5c5000000000001,idle_timeout=300,hard_timeout=600,send_flow_rem,metadata=0x1234/0xffff,actions=output:2',
  'table=1,priority=2,check_overlap,reset_counts,metadata=0xffff0000/0xff00ff00,actions=output:LOCAL',
].map(parseFlow);

interface Head {
  readonly version: Version;
  readonly xid: number;
}

/** One connection; answers are found by xid. */
class Session {
  readonly version: Version;
  readonly #socket: Socket;
  readonly #frames = new FrameDecoder();
  readonly #waiting = new Map<number, (message: Message) => void>();
  #xid = 100;

  constructor(path: string, version: Version) {
    this.version = version;
    this.#socket = connect(path);
    this.#socket.on('data', (chunk) => {
      for (const frame of this.#frames.push(chunk)) {
        const message = decode(frame);
        this.#waiting.get(message.xid)?.(message);
      }
    });
    this.#socket.write(encode(makeHello(1, [version])));
  }

  /** Sends what `make` gives for an xid; the first answers up to one that `isLast`. */
  ask(make: (head: Head) => Message, isLast = (_: Message) => true): Promise<Message[]> {
    const xid = this.#xid++;
    const answers: Message[] = [];
    return new Promise((resolve) => {
      this.#waiting.set(xid, (message) => {
        answers.push(message);
        if (isLast(message)) resolve(answers);
      });
      this.#socket.write(encode(make({ version: this.version, xid })));
    });
  }

  send(make: (head: Head) => Message): void {
    this.#socket.write(encode(make({ version: this.version, xid: this.#xid++ })));
  }

  /** An error, or the reply to the barrier behind the flow-mod: one that is accepted has no answer. */
  add(flow: Flow, make = (head: Head): Message => flowMod(head, flow)): Promise<Message[]> {
    return this.ask((head) => {
      this.#socket.write(encode(make(head)));
      return { type: 'barrierRequest', ...head };
    });
  }

  close(): void {
    this.#socket.destroy();
  }
}

function flowMod(head: Head, flow: Flow): MessageOf<'flowMod'> {
  const whole = { cookieMask: 0n, bufferId: noBuffer, outPort: ports.any, outGroup: groups.any };
  return { type: 'flowMod', ...head, ...whole, command: flowCommands.add, ...flow };
}

const deleteAll = (head: Head): Message => ({
  ...flowMod(head, flows[0] as Flow),
  table: 255,
  match: [],
  instructions: [],
  command: flowCommands.delete,
});

async function readFlows(session: Session): Promise<readonly Flow[]> {
  const all = { table: 255, outPort: ports.any, outGroup: groups.any, cookie: 0n, cookieMask: 0n, match: [] };
  const assembler = new MultipartAssembler();
  let whole: MessageOf<'flowDescReply'> | undefined;
  await session.ask(
    (head) => ({ type: 'flowDescRequest', ...head, flags: 0, ...all }),
    (message) => {
      if (message.type === 'flowDescReply') whole = assembler.push(message);
      return whole !== undefined || message.type === 'error';
    },
  );
  return whole?.flows ?? [];
}

function installed(): boolean {
  try {
    execFileSync('ovs-vswitchd', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

t.test('a switch has the flows that it was told', { skip: !installed() }, async (t) => {
  const lab = startSwitch('br0', ['p1', 'p2', 'p3']);
  t.teardown(() => lab.close());
  lab.run(
    'ovs-ofctl',
    '-O',
    'OpenFlow13',
    'add-meter',
    `unix:${lab.socket}`,
    'meter=1,kbps,bands=type=drop,rate=1000',
  );
  lab.run(
    'ovs-ofctl',
    '-O',
    'OpenFlow13',
    'add-group',
    `unix:${lab.socket}`,
    'group_id=1,type=all,bucket=output:1',
  );

  for (const version of [4, 6] as const) {
    const session = new Session(lab.socket, version);
    t.teardown(() => session.close());
    const bundle = { bundle: 7, flags: bundleFlags.atomic | bundleFlags.ordered, properties: [] };
    const control = (type: number) =>
      session.ask((head) => ({ type: 'bundleControl', ...head, ...bundle, control: type }));

    for (const flow of flows) {
      const [answer] = await session.add(flow);
      if (answer?.type === 'error')
        t.fail(`version ${version}: ${errorName(answer)?.code}: ${printFlow(flow)}`);
    }
    const told = new Map((await readFlows(session)).map((flow) => [flowKey(flow), flow]));
    t.equal(told.size, flows.length, `version ${version}: all flows are there`);
    for (const flow of flows) {
      const found = told.get(flowKey(flow));
      if (!found) t.fail(`version ${version}: ${flowKey(flow)} is not among ${[...told.keys()].join(' ')}`);
      else if (flowBody(found) !== flowBody(flow)) t.equal(flowBody(found), flowBody(flow), printFlow(flow));
    }

    // The same again, deleting all first, in one bundle: nothing changes, and nothing is refused.
    t.match(await control(bundleControls.openRequest), [
      { type: 'bundleControl', control: bundleControls.openReply },
    ]);
    for (const message of [deleteAll, ...flows.map((flow) => (head: Head) => flowMod(head, flow))])
      session.send((head) => ({ type: 'bundleAdd', ...head, ...bundle, message: message(head) }));
    const [committed] = await control(bundleControls.commitRequest);
    t.match(committed, { type: 'bundleControl', control: bundleControls.commitReply });
    const again = (await readFlows(session)).map((flow) => `${flowKey(flow)} ${flowBody(flow)}`);
    t.same(new Set(again), new Set([...told.values()].map((flow) => `${flowKey(flow)} ${flowBody(flow)}`)));
    await session.add(flows[0] as Flow, (head) => deleteAll(head));
  }
});
