/**
 * Who is who in the lab, where their packets pass, and whether they passed there.
 */
import { expect } from '../observe.ts';
import type { Frame } from '../wire.ts';
import { chainIn, type World } from '../world.ts';

export const ALICE = { name: 'alice', port: 's1-eth1', mac: '00:00:00:00:00:01', ipv4: '10.0.0.1' } as const;
export const BOB = { name: 'bob', port: 's1-eth2', mac: '00:00:00:00:00:02', ipv4: '10.0.0.2' } as const;
export const UPLINK = { port: 's1-eth3', mac: '00:00:00:00:00:64', ipv4: '10.0.0.100' } as const;

export const ONE_HOP = chainIn('alice-protected.yaml');
export const TWO_HOPS = chainIn('alice-two-hops.yaml');
export const CHAIN = ONE_HOP.spec.name;

/** A hop of Alice's chain with the instance that stands there. */
export type Hop = {
  readonly hop: string;
  readonly function: string;
  readonly instance: string;
  readonly left: string;
  readonly right: string;
  readonly pid: number;
  readonly restarts: number;
};

/** The hops that Alice's traffic passes now, in the upstream order. */
export async function aliceHops(world: World): Promise<readonly Hop[]> {
  const status = await world.api.chainStatus(CHAIN);
  const path = status.paths.find((each) => each.subscriber === ALICE.name);
  expect(path !== undefined, "a path for alice in the chain's status", status);
  const instances = await world.api.instances();
  return path.hops.map((hop) => {
    const instance = instances.find((each) => each.id === hop.instance);
    const { ports, pid, restarts } = instance?.status ?? {};
    expect(ports !== undefined && pid !== undefined, `${hop.instance} running`, { hop, instance });
    return {
      hop: hop.hop,
      function: hop.function,
      instance: hop.instance,
      left: ports.left,
      right: ports.right,
      pid,
      restarts: restarts ?? 0,
    };
  });
}

/** Where every packet from Alice to the server has to be seen, in order. */
export function upstream(hops: readonly Hop[]): readonly string[] {
  const passed = hops.flatMap((hop) => [`out ${hop.left}`, `in ${hop.right}`]);
  return [`in ${ALICE.port}`, ...passed, `out ${UPLINK.port}`];
}

/** Where every packet from the server to Alice has to be seen, in order. */
export function downstream(hops: readonly Hop[]): readonly string[] {
  const passed = hops.toReversed().flatMap((hop) => [`out ${hop.right}`, `in ${hop.left}`]);
  return [`in ${UPLINK.port}`, ...passed, `out ${ALICE.port}`];
}

const ABOUT_ALICE = /\b10\.0\.0\.1\b(?!\.\d+\.)/;

function isFromAlice(frame: Frame): boolean {
  return frame.source === ALICE.mac;
}

function isToAlice(frame: Frame): boolean {
  return frame.source === UPLINK.mac && ABOUT_ALICE.test(frame.text);
}

/**
 * Frames of Alice's that left the switch without having been seen at every station of a way before. The
 * functions are transparent: a frame reads the same wherever it is seen.
 *
 * @param routes more than one while the chain is being changed: any one of them has to be kept in full
 */
export function bypasses(frames: readonly Frame[], routes: readonly (readonly Hop[])[]): readonly Frame[] {
  const stationsUp = routes.map((hops) => upstream(hops));
  const stationsDown = routes.map((hops) => downstream(hops));
  const seen = new Map<string, string[]>();
  const found: Frame[] = [];
  for (const frame of frames) {
    const stations = isFromAlice(frame) ? stationsUp : isToAlice(frame) ? stationsDown : undefined;
    if (stations === undefined) continue;
    const trail = seen.get(frame.text) ?? [];
    trail.push(`${frame.way} ${frame.port}`);
    seen.set(frame.text, trail);
    const left =
      frame.way === 'out' &&
      ((isFromAlice(frame) && frame.port === UPLINK.port) || (isToAlice(frame) && frame.port === ALICE.port));
    if (left && !stations.some((route) => isSubsequence(route, trail))) found.push(frame);
  }
  return found;
}

function isSubsequence(wanted: readonly string[], trail: readonly string[]): boolean {
  let next = 0;
  for (const station of trail) if (station === wanted[next]) next++;
  return next === wanted.length;
}

/** @throws NotSeen with the first frame that went around the chain */
export function expectNoBypass(frames: readonly Frame[], routes: readonly (readonly Hop[])[]): void {
  const [first] = bypasses(frames, routes);
  expect(
    first === undefined,
    `every frame of alice's passing ${routes.map((hops) => upstream(hops).join(' > ')).join(' or ')}`,
    first === undefined ? '' : `this one left at ${first.port} without: ${first.text}`,
  );
}

/** The ways in plain words, for a line of the story. */
export function words(stations: readonly string[]): string {
  return stations.map((station) => station.replace(/^(in|out) /, '')).join(' > ');
}

export function sameWay(one: readonly string[] | undefined, other: readonly string[]): boolean {
  return one !== undefined && one.length === other.length && one.every((each, i) => each === other[i]);
}
