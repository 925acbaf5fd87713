/** A limit, in the switch itself, on the packets that it sends to its controllers. */
import { meterCommands, meterFlags, meters } from 'ts-openflow';
import { type Channel, Refused } from '../openflow/channel.ts';
import { SESSION_LIMITS } from '../openflow/session.ts';

const { perSecond: rate, burst } = SESSION_LIMITS.packetIns;

/**
 * Gives the switch the meter that all packets to controllers pass (OFPM_CONTROLLER; OpenFlow 1.5.1, section
 * 5.7.1), unless it has one: then it is the operator's. A switch that has no meters goes without one; what it
 * sends is bounded in the session too. Meters cannot go in a bundle.
 * @throws Disconnected
 */
export async function meterPacketIns(channel: Channel): Promise<void> {
  const meter = meters.controller;
  const isThere = await channel.ask({ type: 'meterDescRequest', flags: 0, meter }).then(
    () => true,
    (error: unknown) => {
      // OFPMMFC_UNKNOWN_METER, or OFPBRC_BAD_TYPE where there are no meters.
      if (error instanceof Refused) return false;
      throw error;
    },
  );
  if (isThere) return;
  const flags = meterFlags.packetsPerSecond | meterFlags.burst;
  const bands = [{ type: 'drop', rate, burst }] as const;
  const { done } = await channel.tell([
    { type: 'meterMod', command: meterCommands.add, flags, meter, bands },
  ]);
  await channel.ask({ type: 'barrierRequest' });
  done();
}
