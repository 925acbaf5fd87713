/** One pass of a frame through tables, with what it needs for the next. */
import { ports } from 'ts-openflow';
import type { CompiledSwitch } from '../../../src/compiler/compile.ts';
import { FlowTables } from '../../../src/compiler/packets/flow-table.ts';
import { type Packet, type Walk, walk } from '../../../src/compiler/walk.ts';
import type { DesiredFlow } from '../../../src/model/desired.ts';

export type Frame = Walk<DesiredFlow>['after'][number];
export type Leaving = Frame & { readonly port: number };

export const frameOf = (headers: Readonly<Record<string, bigint>>): Frame => ({
  packet: new Map(Object.entries(headers)) as Packet,
  beneath: [],
});

/** Where a frame leaves that comes in at a port, OFPP_NORMAL among the ports; nowhere if it is dropped. */
export function leaving(
  tables: FlowTables<DesiredFlow> | Pick<CompiledSwitch, 'flows' | 'groups'>,
  port: number,
  { packet, beneath }: Frame,
): readonly Leaving[] {
  const { effects, after } = walk(
    tables instanceof FlowTables ? tables : new FlowTables(tables.flows, tables.groups),
    new Map([...packet, ['in_port', BigInt(port)]]),
    beneath,
  );
  return effects.flatMap((effect, index): Leaving[] => {
    const at = effect.kind === 'output' ? effect.port : effect.kind === 'normal' ? ports.normal : undefined;
    const frame = after[index];
    return at === undefined || !frame ? [] : [{ ...frame, port: at }];
  });
}
