/**
 * What a frame carries through the tables, in OpenFlow metadata (64 bits, bit 0 least significant):
 *
 *     63            33   32        31        8 7           0
 *     [ next hop: 31 ] [ dir: 1 ] [ path: 24 ] [ index: 8 ]
 *
 * Path and index are RFC 8300's service path identifier and service index: the index starts at 255 and goes
 * down by one with each hop that the frame has met. Direction is 0 upstream and 1 downstream. The classifier
 * or a frame's return port writes the lower 33 bits, steering writes the next hop.
 */
import type { InstanceId, OfPort, PathId } from '../model/ids.ts';

export type Direction = 'upstream' | 'downstream';

const PLACE_BITS = 33n;
export const PLACE_MASK = (1n << PLACE_BITS) - 1n;
/** Path and direction without the index. */
export const PATH_MASK = PLACE_MASK & ~0xffn;
export const NEXT_HOP_MASK = ((1n << 31n) - 1n) << PLACE_BITS;

/** Where a frame is: on which path, which way, after how many hops (0 to 255) of that way. */
export type Place = {
  readonly path: PathId;
  readonly direction: Direction;
  readonly hopsDone: number;
};

const FIRST_INDEX = 255;

export const encodePlace = ({ path, direction, hopsDone }: Place): bigint =>
  (direction === 'downstream' ? 1n << 32n : 0n) | (BigInt(path) << 8n) | BigInt(FIRST_INDEX - hopsDone);

export const decodePlace = (metadata: bigint): Place => ({
  path: Number((metadata >> 8n) & 0xffffffn) as PathId,
  direction: (metadata >> 32n) & 1n ? 'downstream' : 'upstream',
  hopsDone: FIRST_INDEX - Number(metadata & 0xffn),
});

/** The subscriber's side of an instance is its left one. */
export type Side = 'left' | 'right';

/** Where steering sends a frame: into a side of an instance, or out of a port at the end of the path. */
export type NextHop =
  | { readonly kind: 'instance'; readonly instance: InstanceId; readonly side: Side }
  | { readonly kind: 'port'; readonly port: OfPort };

/** The number of an instance, 1 to 2^29 - 1, out of its id. */
export const instanceNumber = (id: InstanceId): number => Number(id.slice(1));

/**
 * A next hop as its 31 bits at their place in the metadata: the top bit tells instances from ports, so that
 * neither ever takes the number of the other.
 */
export function encodeNextHop(next: NextHop): bigint {
  const id =
    next.kind === 'port'
      ? BigInt(next.port)
      : (1n << 30n) | (BigInt(instanceNumber(next.instance)) << 1n) | (next.side === 'right' ? 1n : 0n);
  return id << PLACE_BITS;
}
