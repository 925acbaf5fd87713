/** Sets one flow in a switch, then prints all flows it has: node examples/flows.ts /var/run/openvswitch/br0.mgmt */
import { connect } from 'node:net';
import {
  decode,
  encode,
  errorName,
  FrameDecoder,
  flowCommands,
  groups,
  type Message,
  MultipartAssembler,
  makeHello,
  negotiate,
  noBuffer,
  parseFlow,
  ports,
  printFlow,
  type Version,
} from 'ts-openflow';

const socket = connect(process.argv[2] ?? '/var/run/openvswitch/br0.mgmt');
const send = (message: Message) => socket.write(encode(message));
const frames = new FrameDecoder();
const replies = new MultipartAssembler();
const all = { outPort: ports.any, outGroup: groups.any, cookieMask: 0n };

function ask(version: Version): void {
  const flow = parseFlow('table=0,priority=100,tcp,tp_dst=80,actions=normal');
  send({ type: 'flowMod', version, xid: 2, command: flowCommands.add, bufferId: noBuffer, ...all, ...flow });
  send({ type: 'flowDescRequest', version, xid: 3, flags: 0, table: 255, cookie: 0n, match: [], ...all });
}

function receive(message: Message): void {
  if (message.type === 'hello') {
    const version = negotiate(message);
    if (version) ask(version);
    else socket.destroy(new Error('no version in common'));
  } else if (message.type === 'echoRequest') {
    send({ ...message, type: 'echoReply' });
  } else if (message.type === 'error') {
    socket.destroy(new Error(errorName(message)?.meaning ?? 'an error without a name'));
  } else if (message.type === 'flowDescReply') {
    const whole = replies.push(message);
    for (const flow of whole?.flows ?? []) process.stdout.write(`${printFlow(flow)}\n`);
    if (whole) socket.end();
  }
}

socket.on('data', (chunk) => {
  for (const frame of frames.push(chunk)) receive(decode(frame));
});
send(makeHello(1));
