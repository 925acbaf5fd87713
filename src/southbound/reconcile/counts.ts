/**
 * Adds up what flows have counted, each time that a switch is read: at every look and so before every change. A
 * flow that goes takes along what it counts between the last read and its end, some milliseconds; nothing is
 * counted twice, and no sum ever goes down.
 *
 * After a restart of the controller a flow's whole count is new: the sums go on from what the flows that are in
 * the switch have counted, and lack what flows had that went before.
 */
import { type FlowDesc, stat } from 'ts-openflow';
import type { Counted, CountPoint } from '../../model/counters.ts';
import type { DesiredFlow } from '../../model/desired.ts';
import type { OwnerId } from '../../model/ids.ts';
import type { Recounted } from './difference.ts';

type Reading = { readonly packets: bigint; readonly bytes: bigint; readonly points: readonly CountPoint[] };
type Sum = { readonly point: CountPoint; packets: bigint; bytes: bigint };

const nameOf = ({ owner, subscriber, direction, at }: CountPoint): string =>
  `${owner} ${subscriber ?? ''} ${direction} ${at.kind} ${'hop' in at ? at.hop : ''}`;

const countOf = (flow: FlowDesc, name: 'packetCount' | 'byteCount'): bigint =>
  stat(flow.stats, name)?.value ?? 0n;

export class FlowCounts {
  #last = new Map<string, Reading>();
  readonly #sums = new Map<string, Sum>();

  get all(): readonly Counted[] {
    return [...this.#sums.values()].map(({ point, packets, bytes }) => ({
      point,
      packets: Number(packets),
      bytes: Number(bytes),
    }));
  }

  /** @param keyed the desired flows by their keys; @param held ours in the switch by theirs */
  read(keyed: Iterable<readonly [string, DesiredFlow]>, held: ReadonlyMap<string, FlowDesc>): void {
    const now = new Map<string, Reading>();
    for (const [key, { counts }] of keyed) if (counts) this.#take(key, counts, held, now);
    // Those that are not wanted any more, and are about to go.
    for (const [key, { points }] of this.#last) if (!now.has(key)) this.#take(key, points, held, now);
    this.#last = now;
  }

  /**
   * Some flows go, or are to count something else; the others stay as they are.
   *
   * @param held the former ones as the switch has them, by their keys
   */
  change(recounted: ReadonlyMap<string, Recounted>, held: ReadonlyMap<string, FlowDesc>): void {
    for (const [key, { was, is }] of recounted) {
      if (was?.counts === undefined) continue;
      const now = new Map<string, Reading>();
      this.#take(key, was.counts, held, now);
      const reading = now.get(key);
      if (reading === undefined || is?.counts === undefined) this.#last.delete(key);
      else this.#last.set(key, { ...reading, points: is.counts });
    }
  }

  /** Forgets what belonged to chains that are gone. */
  retain(owners: ReadonlySet<OwnerId>): void {
    for (const [name, { point }] of this.#sums) if (!owners.has(point.owner)) this.#sums.delete(name);
  }

  #take(
    key: string,
    points: readonly CountPoint[],
    held: ReadonlyMap<string, FlowDesc>,
    now: Map<string, Reading>,
  ): void {
    const flow = held.get(key);
    if (flow === undefined) return;
    const packets = countOf(flow, 'packetCount');
    const bytes = countOf(flow, 'byteCount');
    const before = this.#last.get(key);
    now.set(key, { packets, bytes, points });
    // A count that went down is that of another flow in the same place: all of it is new. One that was replaced
    // by a flow-mod goes on counting.
    const isSame = before !== undefined && packets >= before.packets && bytes >= before.bytes;
    // What came since the last read was counted for what the flow meant then.
    for (const point of before?.points ?? points)
      this.#add(point, packets - (isSame ? before.packets : 0n), bytes - (isSame ? before.bytes : 0n));
  }

  #add(point: CountPoint, packets: bigint, bytes: bigint): void {
    const name = nameOf(point);
    const sum = this.#sums.get(name);
    if (sum === undefined) this.#sums.set(name, { point, packets, bytes });
    else {
      sum.packets += packets;
      sum.bytes += bytes;
    }
  }
}
