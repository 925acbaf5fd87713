/** The OpenFlow session against a peer made of messages, with a clock that the test turns. */
import fc from 'fast-check';
import t from 'tap';
import { decode, encode, type Message, makeHello, multipartFlags, portReasons } from 'ts-openflow';
import { type Output, Session } from '../../../src/southbound/openflow/session.ts';

const sent = (outputs: readonly Output[]): Message[] =>
  outputs.flatMap((output) => (output.kind === 'send' ? [decode(output.bytes)] : []));
const closed = (outputs: readonly Output[]): string | undefined =>
  outputs.flatMap((output) => (output.kind === 'close' ? [output.reason] : []))[0];
const events = (outputs: readonly Output[]) =>
  outputs.flatMap((output) => (output.kind === 'event' ? [output.event] : []));

const port = (number: number, name = `p${number}`) =>
  ({ port: number, hwAddr: BigInt(number), name, config: 0, state: 4, properties: [] }) as const;

/** A session whose peer does what a switch of 1.5 with one port does. */
function readySession(limits = {}): Session {
  const session = new Session(limits);
  session.connected(0);
  session.bytes(encode(makeHello(1)), 0);
  const [, features] = sent(session.drain());
  session.bytes(encode(featuresReply(features?.xid ?? 0)), 0);
  const [ports] = sent(session.drain());
  session.bytes(
    encode({ type: 'portDescReply', version: 6, xid: ports?.xid ?? 0, flags: 0, ports: [port(1)] }),
    0,
  );
  session.drain();
  return session;
}

const featuresReply = (xid: number, auxiliaryId = 0, version = 6): Message => ({
  type: 'featuresReply',
  version,
  xid,
  datapathId: 0xabcn,
  bufferCount: 0,
  tableCount: 254,
  auxiliaryId,
  capabilities: 0,
  reserved: 0,
});

t.test('a handshake, version by version', async (t) => {
  for (const [offered, version] of [
    [[6, 4], 6],
    [[4], 4],
    [[1, 4, 5], 4],
  ] as const) {
    const session = new Session();
    session.connected(0);
    const [hello] = sent(session.drain());
    t.match(hello, { type: 'hello', version: 6 });
    session.bytes(encode(makeHello(1, offered)), 1);
    const [features] = sent(session.drain());
    t.match(features, { type: 'featuresRequest', version }, `${offered} gives ${version}`);
    session.bytes(encode(featuresReply(features?.xid ?? 0, 0, version)), 2);
    const [ports] = sent(session.drain());
    t.match(ports, { type: 'portDescRequest', version });
    const reply = { type: 'portDescReply', version, xid: ports?.xid ?? 0 } as const;
    const properties =
      version === 4
        ? [
            {
              type: 'ethernet',
              current: 0,
              advertised: 0,
              supported: 0,
              peer: 0,
              currentSpeed: 0,
              maxSpeed: 0,
            } as const,
          ]
        : [];
    session.bytes(encode({ ...reply, flags: multipartFlags.more, ports: [{ ...port(1), properties }] }), 3);
    t.strictSame(events(session.drain()), [], 'not ready before the last part');
    session.bytes(encode({ ...reply, flags: 0, ports: [{ ...port(2), properties }] }), 3);
    t.strictSame(events(session.drain()), [{ kind: 'ready', dpid: 0xabcn, version }]);
    t.strictSame([...session.ports.keys()], [1, 2]);
  }
});

t.test('a handshake that fails says why', async (t) => {
  const after = (bytes: Uint8Array) => {
    const session = new Session();
    session.connected(0);
    session.drain();
    session.bytes(bytes, 0);
    return session.drain();
  };
  const incompatible = after(encode(makeHello(9, [1, 2, 5])));
  t.match(sent(incompatible), [{ type: 'error', xid: 9, errorType: 0, code: 0 }]);
  t.match(closed(incompatible), /no version/);
  const early = after(encode({ type: 'barrierRequest', version: 4, xid: 3 }));
  t.match(sent(early), [{ type: 'error', xid: 3 }]);
  t.match(closed(early), /instead of a hello/);
  t.match(closed(after(new Uint8Array(64))), /cannot be followed/);
});

t.test('an auxiliary connection is not used', async (t) => {
  const session = new Session();
  session.connected(0);
  session.bytes(encode(makeHello(1)), 0);
  const [, features] = sent(session.drain());
  session.bytes(encode(featuresReply(features?.xid ?? 0, 1)), 0);
  t.match(closed(session.drain()), /auxiliary/);
});

t.test('time', async (t) => {
  const silent = new Session({ helloMs: 50, idleMs: 10 });
  silent.connected(0);
  silent.drain();
  // Another protocol may well look like the beginning of a long message.
  silent.bytes(new TextEncoder().encode('GET / HTTP/1.1\r\n\r\n'), 1);
  t.equal(silent.wakeAt, 50);
  silent.tick(49);
  t.strictSame(silent.drain(), [], 'nothing is asked before the hello');
  silent.tick(50);
  t.match(closed(silent.drain()), /no hello/);

  const session = readySession({ idleMs: 10 });
  t.equal(session.wakeAt, 10);
  session.tick(9);
  t.strictSame(session.drain(), []);
  session.tick(10);
  t.match(sent(session.drain()), [{ type: 'echoRequest' }], 'asks after silence');
  t.equal(session.wakeAt, 20);
  session.bytes(encode({ type: 'echoReply', version: 6, xid: 5, data: new Uint8Array(0) }), 15);
  t.equal(session.wakeAt, 25);
  session.tick(25);
  session.tick(35);
  t.match(closed(session.drain()), /sign of life/);
  t.equal(session.wakeAt, Number.POSITIVE_INFINITY, 'nothing is due any more');

  const asking = readySession({ idleMs: 1000, replyMs: 30 });
  asking.send({ type: 'barrierRequest' }, 100);
  t.equal(asking.wakeAt, 130);
  asking.bytes(encode({ type: 'echoReply', version: 6, xid: 5, data: new Uint8Array(0) }), 129);
  asking.tick(130);
  t.match(closed(asking.drain()), /barrierReply/, 'a peer that lives but does not answer is given up');
});

t.test('answers and errors find their requests', async (t) => {
  const session = readySession();
  const first = session.send({ type: 'barrierRequest' }, 0);
  const second = session.send({ type: 'barrierRequest' }, 0);
  t.not(first, second);
  session.drain();
  session.bytes(encode({ type: 'barrierReply', version: 6, xid: second }), 0);
  session.bytes(
    encode({ type: 'error', version: 6, xid: first, errorType: 1, code: 5, data: new Uint8Array(0) }),
    0,
  );
  session.bytes(encode({ type: 'barrierReply', version: 6, xid: 0x7777 }), 0);
  t.match(events(session.drain()), [
    { kind: 'reply', xid: second },
    { kind: 'error', xid: first },
  ]);
});

t.test('what a switch says by itself', async (t) => {
  const session = readySession();
  session.bytes(encode({ type: 'echoRequest', version: 6, xid: 7, data: Uint8Array.of(1, 2) }), 0);
  t.match(sent(session.drain()), [{ type: 'echoReply', xid: 7, data: Uint8Array.of(1, 2) }]);
  const status = { type: 'portStatus', version: 6, xid: 0 } as const;
  session.bytes(encode({ ...status, reason: portReasons.add, port: port(2) }), 0);
  session.bytes(encode({ ...status, reason: portReasons.modify, port: port(2, 'renamed') }), 0);
  t.equal(session.ports.get(2)?.name, 'renamed');
  session.bytes(encode({ ...status, reason: portReasons.delete, port: port(1) }), 0);
  t.strictSame([...session.ports.keys()], [2]);
  t.strictSame(events(session.drain()), [{ kind: 'ports' }, { kind: 'ports' }, { kind: 'ports' }]);
});

t.test('what is no OpenFlow, or not for a controller, is answered by an error and bounded', async (t) => {
  const session = readySession({ faults: 3 });
  const request = encode({ type: 'barrierRequest', version: 6, xid: 77 });
  session.bytes(request, 0);
  t.match(sent(session.drain()), [{ type: 'error', xid: 77, errorType: 1, code: 1, data: request }]);
  session.bytes(encode({ type: 'barrierReply', version: 4, xid: 78 }), 0);
  t.match(sent(session.drain()), [{ type: 'error', xid: 78, errorType: 1, code: 0 }], 'another version');
  // A features reply that ends too early.
  session.bytes(Uint8Array.of(6, 6, 0, 12, 0, 0, 0, 79, 0, 0, 0, 0), 0);
  t.match(sent(session.drain()), [{ type: 'error', xid: 79, errorType: 1 }], 'a short message');
  // An error is never answered by an error.
  session.bytes(Uint8Array.of(6, 1, 0, 9, 0, 0, 0, 80, 0), 0);
  const last = session.drain();
  t.strictSame(sent(last), []);
  t.match(closed(last), /too many faults/);
  session.bytes(request, 0);
  t.strictSame(session.drain(), [], 'nothing after the end');
});

t.test('any cut of the stream gives the same', async (t) => {
  const whole = (step: number) => {
    const session = readySession();
    const stream = Buffer.concat([
      encode({ type: 'echoRequest', version: 6, xid: 7, data: Uint8Array.of(1, 2, 3) }),
      encode({ type: 'portStatus', version: 6, xid: 0, reason: portReasons.add, port: port(3) }),
      encode({ type: 'echoRequest', version: 6, xid: 8, data: new Uint8Array(0) }),
    ]);
    for (let at = 0; at < stream.length; at += step) session.bytes(stream.subarray(at, at + step), 0);
    return session.drain();
  };
  const expected = whole(1 << 16);
  for (const step of [1, 2, 3, 7, 8, 13]) t.strictSame(whole(step), expected, `in pieces of ${step}`);
});

t.test('no bytes make it throw, and after its end it is silent', async (t) => {
  const samples: readonly Message[] = [
    featuresReply(5),
    { type: 'portDescReply', version: 6, xid: 5, flags: 1, ports: [port(1), port(2)] },
    { type: 'portStatus', version: 6, xid: 0, reason: portReasons.add, port: port(3) },
    { type: 'error', version: 6, xid: 5, errorType: 2, code: 4, data: new Uint8Array(64) },
    { type: 'echoRequest', version: 6, xid: 7, data: new Uint8Array(9) },
    { type: 'barrierReply', version: 6, xid: 5 },
    makeHello(1),
  ];
  const mutation = fc.record({
    sample: fc.constantFrom(...samples.map((message) => encode(message))),
    at: fc.nat(64),
    value: fc.nat(255),
    keep: fc.integer({ min: 0, max: 200 }),
  });
  fc.assert(
    fc.property(
      fc.array(mutation, { minLength: 1, maxLength: 12 }),
      fc.integer({ min: 1, max: 50 }),
      (list, step) => {
        for (const session of [readySession(), new Session()]) {
          if (session.phase === 'idle') session.connected(0);
          session.send({ type: 'barrierRequest' }, 0);
          session.drain();
          const stream = Buffer.concat(
            list.map(({ sample, at, value, keep }) => {
              const bytes = sample.slice(0, keep);
              if (at < bytes.length) bytes[at] = value;
              return bytes;
            }),
          );
          for (let from = 0; from < stream.length; from += step)
            session.bytes(stream.subarray(from, from + step), 1);
          const outputs = session.drain();
          const end = outputs.findIndex(({ kind }) => kind === 'close');
          if (end >= 0 && end !== outputs.length - 1) return false;
          for (let now = 1; now < 1e6; now = Math.max(now + 1, session.wakeAt)) session.tick(now);
          if (session.phase !== 'closed') return false;
        }
        return true;
      },
    ),
    { numRuns: 500 },
  );
  t.pass('for any mutation of what a switch sends');
});

t.test('a flood of packet-ins is thrown away unread, and said now and then', async (t) => {
  const session = readySession({ packetIns: { perSecond: 100, burst: 10 } });
  const rubbish = encode({ type: 'echoRequest', version: 6, xid: 1, data: new Uint8Array(100) });
  // One that is read is a fault, for there is nothing in it: so what was read can be counted.
  rubbish[1] = 10;
  const readAt = (now: number, times: number) => {
    for (let i = 0; i < times; i++) session.bytes(rubbish, now);
    const outputs = session.drain();
    const said = events(outputs).flatMap((event) => (event.kind === 'flood' ? [event.dropped] : []));
    return { read: sent(outputs).length, said };
  };
  t.strictSame(readAt(0, 15), { read: 10, said: [1] }, 'a burst');
  t.strictSame(readAt(50, 15), { read: 5, said: [] }, 'as much as time has passed');
  t.strictSame(readAt(10_000, 11), { read: 10, said: [15] }, 'after a quiet time a burst again');
  t.equal(session.phase, 'ready');
});
