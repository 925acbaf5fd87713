/**
 * Who sends what to whom, and what may become of it.
 */
import { HOSTS, UPLINK } from './site.ts';
import type { Wired } from './site-judge.ts';
import { arpRequest, EVERYBODY, frame, type Host, type Look, type Stream, tagged, udp } from './site-wire.ts';

type Name = keyof typeof HOSTS;
const { alice, bob, server } = HOSTS;

const stream = (name: string, at: Name, head: Buffer, everyMs: number): Stream => ({
  name,
  device: `${HOSTS[at].port}p`,
  head,
  everyMs,
});

/** What every firewall allows. */
export const ALLOWED = 4000;
/** What none does. */
export const DENIED = 9;

/** To the server and back again, as one of the two flows that the firewalls allow. */
export const upOf = (name: Name, everyMs = 20, port = ALLOWED): Stream =>
  stream(`${name} to the server, ${port}`, name, udp(HOSTS[name], server, port, 5001), everyMs);
export const downOf = (name: Name, everyMs = 20, port = ALLOWED): Stream =>
  stream(`the server to ${name}, ${port}`, 'server', udp(server, HOSTS[name], port, 5002), everyMs);

/** Enters Alice's chain, and no hop lets it through. */
export const DENIED_UP: readonly Stream[] = [
  upOf('alice', 10, DENIED),
  stream('alice to everybody', 'alice', udp(alice, EVERYBODY, DENIED), 20),
  stream('alice to bob', 'alice', udp(alice, bob, DENIED), 20),
  stream('alice as bob', 'alice', udp(bob, server, DENIED), 20),
  stream('alice, another protocol', 'alice', frame(alice.mac, server.mac, 0x88b5), 20),
  stream('alice in VLAN 4095', 'alice', tagged(alice.mac, EVERYBODY.mac, 4095), 40),
];
export const DENIED_DOWN: readonly Stream[] = [downOf('alice', 10, DENIED)];
/** Goes through Alice's chain. */
export const ALLOWED_UP: readonly Stream[] = [
  upOf('alice', 10),
  stream('alice asks for the server', 'alice', arpRequest(alice, server.ip), 40),
];
export const ALLOWED_DOWN: readonly Stream[] = [
  downOf('alice', 10),
  stream('the server asks for alice', 'server', arpRequest(server, alice.ip), 40),
];
/** Has no business at Alice's, chain or not. */
export const NOT_FOR_ALICE: readonly Stream[] = [
  stream('the server to everybody', 'server', udp(server, EVERYBODY, DENIED), 20),
  stream('the server to a group', 'server', udp(server, group('01:00:5e:01:02:03'), DENIED), 40),
  stream('the server in VLAN 4095', 'server', tagged(server.mac, EVERYBODY.mac, 4095), 40),
  stream('bob in VLAN 4095', 'bob', tagged(bob.mac, EVERYBODY.mac, 4095), 40),
  stream('the server asks for bob', 'server', arpRequest(server, bob.ip), 40),
  stream('bob to alice', 'bob', udp(bob, alice, ALLOWED), 20),
  stream('bob to everybody', 'bob', udp(bob, EVERYBODY, ALLOWED), 20),
];
export const BOBS: readonly Stream[] = [upOf('bob', 20, DENIED), downOf('bob', 20, DENIED)];

function group(mac: string): Host {
  return { mac, ip: '239.1.2.3' };
}

export const storm = (at: Name, everyMs: number): readonly Stream[] => [
  stream(`${at}: broadcast`, at, udp(HOSTS[at], EVERYBODY, ALLOWED), everyMs),
  stream(`${at}: multicast`, at, udp(HOSTS[at], group('01:00:5e:01:02:03'), ALLOWED), everyMs),
  stream(`${at}: IPv6 multicast`, at, frame(HOSTS[at].mac, '33:33:00:00:00:01', 0x86dd), everyMs),
  stream(
    `${at}: to nobody`,
    at,
    udp(HOSTS[at], { mac: '00:00:00:00:00:77', ip: '10.0.0.77' }, ALLOWED),
    everyMs,
  ),
  stream(`${at}: question`, at, arpRequest(HOSTS[at], '10.0.0.77'), everyMs),
  stream(`${at}: VLAN 4095`, at, tagged(HOSTS[at].mac, EVERYBODY.mac, 4095), everyMs),
  stream(`${at}: VLAN 4095, to nobody`, at, tagged(HOSTS[at].mac, '00:00:00:00:00:78', 4095), everyMs),
  stream(`${at}: VLAN 4095, outer`, at, tagged(HOSTS[at].mac, EVERYBODY.mac, 4095, 0x88a8), everyMs),
  stream(`${at}: VLAN 0`, at, tagged(HOSTS[at].mac, EVERYBODY.mac, 0), everyMs),
  stream(`${at}: VLAN 7`, at, tagged(HOSTS[at].mac, EVERYBODY.mac, 7), everyMs),
  stream(`${at}: as somebody else`, at, udp({ ...EVERYBODY, mac: alice.mac }, EVERYBODY, ALLOWED), everyMs),
];

export type Versions = (readonly string[])[];
export type Within = [number, number][];

/** As it goes along the wire of a subscriber; numbers of each stream for which the chain is in force. */
export const wired = (
  { name }: Stream,
  subscriber: Name,
  direction: 'upstream' | 'downstream',
  versions: Versions,
  within?: ReadonlyMap<string, Within>,
): Wired => {
  const { port } = HOSTS[subscriber];
  const [from, to] = direction === 'upstream' ? [port, UPLINK] : [UPLINK, port];
  const given = within?.get(name);
  return { stream: name, subscriber, direction, from, to, versions, ...(given ? { within: given } : {}) };
};

/** Keeps for which numbers of each stream a chain was in force. */
export class InForce {
  readonly ranges = new Map<string, Within>();

  begin(look: Look): void {
    for (const [name, { next }] of Object.entries(look)) {
      const known = this.ranges.get(name) ?? [];
      this.ranges.set(name, [...known, [next, Number.POSITIVE_INFINITY]]);
    }
  }

  end(look: Look): void {
    for (const [name, { next }] of Object.entries(look)) {
      const last = this.ranges.get(name)?.at(-1);
      if (last) last[1] = next;
    }
  }
}
