/**
 * Runs one packet through flow tables: the semantics that `explain` shows and that the tests hold the compiler
 * against.
 */
import { type FieldName, ports } from 'ts-openflow';
import { type AnyFlow, FlowTables } from './packets/flow-table.ts';
import { Packets } from './packets/packets.ts';
import { type Effect, type Event, type Hit, run } from './packets/run.ts';

/** Header fields by name. A field that is not there is not in the packet: no flow that asks for it matches. */
export type Packet = ReadonlyMap<FieldName, bigint>;

export type Walk<F> = {
  readonly hits: readonly Hit<F>[];
  readonly effects: readonly Effect[];
  /** The packet as it is at each effect, and the tags beneath its outer one. */
  readonly after: readonly { readonly packet: Packet; readonly beneath: readonly Tag[] }[];
  /** Port numbers that the packet is put out of, OFPP_NORMAL among them; none means that it is dropped. */
  readonly outputs: readonly number[];
};

/** What is known of a VLAN tag that lies beneath another one. */
type Tag = Event<AnyFlow>['tags'][number];

/** OFPVID_NONE: that there is no tag can be asked for (OpenFlow 1.5.1, table 13). */
const UNTAGGED: Packet = new Map([['vlan_vid', 0n]]);

/**
 * Supposes that all ports are live.
 *
 * @param beneath tags under the packet's outer one, as an earlier walk has left them
 */
export function walk<F extends AnyFlow>(
  flows: readonly F[] | FlowTables<F>,
  packet: Packet,
  beneath: readonly Tag[] = [],
): Walk<F> {
  const tables = flows instanceof FlowTables ? flows : new FlowTables(flows);
  const fresh = [...tables.fresh].map(([field, { value }]): [FieldName, bigint] => [field, value]);
  const { events: all, ways } = run(
    tables,
    Packets.one(new Map([...fresh, ...UNTAGGED, ...packet])),
    beneath,
  );
  const events = all.filter(({ failedOver }) => !failedOver);
  const effects = events.map(({ effect }) => effect);
  return {
    hits: ways[0] ?? [],
    effects,
    after: events.map(({ packets, tags }) => ({
      packet: new Map(
        [...packets.cube]
          .filter(([field]) => !tables.fresh.has(field))
          .map(([field, { value }]) => [field, value]),
      ),
      beneath: tags,
    })),
    outputs: effects.flatMap((effect) => {
      if (effect.kind === 'output') return [effect.port];
      return effect.kind === 'normal' ? [ports.normal] : [];
    }),
  };
}
