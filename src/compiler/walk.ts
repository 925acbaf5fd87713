/**
 * Runs one packet through flow tables as a switch does (OpenFlow 1.5.1, section 5.1): the semantics that
 * `explain` shows and that the tests hold the compiler against.
 */
import type { FieldName } from 'ts-openflow';
import type { DesiredFlow } from '../model/desired.ts';

/** Header fields by name. A field that is not there is not in the packet: no flow that asks for it matches. */
export type Packet = ReadonlyMap<FieldName, bigint>;

export type Hit = {
  readonly table: number;
  /** Undefined on a miss, which drops. */
  readonly flow: DesiredFlow | undefined;
  readonly metadata: bigint;
};

export type Walk = {
  readonly hits: readonly Hit[];
  /** Port numbers that the packet is put out of, reserved ones among them; none means that it is dropped. */
  readonly outputs: readonly number[];
};

/** Tables only ever send a packet to a higher one, so a walk ends. */
export function walk(flows: readonly DesiredFlow[], packet: Packet): Walk {
  const hits: Hit[] = [];
  const outputs: number[] = [];
  let table: number | undefined = 0;
  let metadata = 0n;
  while (table !== undefined) {
    const at: number = table;
    const flow = lookUp(flows, at, packet, metadata);
    table = undefined;
    for (const instruction of flow?.instructions ?? []) {
      if (instruction.type === 'writeMetadata') {
        metadata = (metadata & ~instruction.mask) | (instruction.value & instruction.mask);
      } else if (instruction.type === 'gotoTable' && instruction.table > at) {
        table = instruction.table;
      } else if (instruction.type === 'applyActions') {
        for (const action of instruction.actions) if (action.type === 'output') outputs.push(action.port);
      }
    }
    hits.push({ table: at, flow, metadata });
  }
  return { hits, outputs };
}

function lookUp(
  flows: readonly DesiredFlow[],
  table: number,
  packet: Packet,
  metadata: bigint,
): DesiredFlow | undefined {
  let best: DesiredFlow | undefined;
  for (const flow of flows) {
    if (flow.table !== table || (best && best.priority >= flow.priority)) continue;
    if (matches(flow, packet, metadata)) best = flow;
  }
  return best;
}

/** OFPVID_NONE: that there is no tag can be asked for (OpenFlow 1.5.1, table 13). */
const ABSENT: ReadonlyMap<string, bigint> = new Map([['vlan_vid', 0n]]);

const matches = (flow: DesiredFlow, packet: Packet, metadata: bigint): boolean =>
  flow.match.every((field) => {
    if (field.field === 'unknown') return false;
    const value =
      field.field === 'metadata' ? metadata : (packet.get(field.field) ?? ABSENT.get(field.field));
    if (value === undefined) return false;
    const wanted = BigInt(field.value);
    if (field.mask === undefined) return value === wanted;
    const mask = BigInt(field.mask);
    return (value & mask) === (wanted & mask);
  });
