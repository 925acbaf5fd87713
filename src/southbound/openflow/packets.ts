/**
 * Packets that flows hand in, and that go back.
 */
import { type MessageOf, noBuffer, ports } from 'ts-openflow';
import { COOKIE_MARK, COOKIE_MARK_MASK } from '../../model/desired.ts';
import type { Dpid, OfPort } from '../../model/ids.ts';
import type { HandedIn } from '../../model/interfaces.ts';
import { type Channel, Disconnected } from './channel.ts';
import type { Request } from './session.ts';

/** @returns undefined for a packet that is on no path, or that no flow of ours has sent; metadata of 0 may be left out */
export function handedIn(dpid: Dpid, { cookie, match, data }: MessageOf<'packetIn'>): HandedIn | undefined {
  if ((cookie & COOKIE_MARK_MASK) !== COOKIE_MARK) return undefined;
  let port: OfPort | undefined;
  let metadata: bigint | undefined;
  for (const field of match) {
    if (field.field === 'in_port') port = Number(field.value) as OfPort;
    if (field.field === 'metadata') metadata = BigInt(field.value);
  }
  if (port === undefined || !metadata) return undefined;
  // A copy: what was read is a view of all that came in with it, and whoever keeps a packet would keep that too.
  return { dpid, port, metadata, frame: data.slice() };
}

/**
 * Lets packets begin anew at the first table, each as if it came in at its port now. A port may go while its
 * packet is under way: the switch's complaint is no news.
 */
export async function sendThrough(
  channel: Channel,
  packets: readonly Pick<HandedIn, 'port' | 'frame'>[],
): Promise<void> {
  const requests = packets.map(
    ({ port, frame }): Request => ({
      type: 'packetOut',
      bufferId: noBuffer,
      match: [{ field: 'in_port', value: port }],
      actions: [{ type: 'output', port: ports.table, maxLen: 0 }],
      data: frame,
    }),
  );
  try {
    const { done } = await channel.tell(requests);
    await channel.ask({ type: 'barrierRequest' }).finally(done);
  } catch (error) {
    if (!(error instanceof Disconnected)) throw error;
  }
}
