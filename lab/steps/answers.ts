/**
 * Pings that all have to be answered; if one is not, the wire says how far it came.
 */
import type { HostName } from '../network.ts';
import { expect } from '../observe.ts';
import { echoWays, type Frame } from '../wire.ts';
import type { World } from '../world.ts';
import { ALICE, BOB } from './traffic.ts';

const PORTS: { readonly [host: string]: string } = { alice: ALICE.port, bob: BOB.port };

/** @throws NotSeen unless all `count` pings were answered */
export async function expectAnswers(world: World, host: HostName, count: number): Promise<void> {
  const from = await world.wire.now();
  const answered = await world.network.ping(host, count);
  if (answered === count) return;
  const frames = await world.wire.since(from);
  expect(false, `${count} answers to ${host}'s pings`, `${answered}; ${whereTheyEnded(frames, PORTS[host])}`);
}

/** The way of every echo request at that port that brought no reply back to it. */
export function whereTheyEnded(frames: readonly Frame[], port: string | undefined): string {
  const replies = echoWays(frames, 'reply');
  const lost = [...echoWays(frames, 'request')]
    .filter(([, way]) => way.includes(`in ${port}`))
    .filter(([key]) => !replies.get(key)?.includes(`out ${port}`))
    .map(([key, way]) => `${key}: ${[...way, ...(replies.get(key) ?? [])].join(' > ')}`);
  return lost.length === 0
    ? 'all that were on the wire were answered'
    : `lost on the way: ${lost.join('; ')}`;
}
