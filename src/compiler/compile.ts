/**
 * compile: what is declared, decided and so, in; what each switch and the host are to be made equal to, out.
 * A function of its input alone: the same input gives the same flows in the same order.
 */
import type { DesiredFlow, Isolation, WantedInstance } from '../model/desired.ts';
import type { PortFact } from '../model/facts.ts';
import type { Dpid, InstanceId, Mac, OfPort } from '../model/ids.ts';
import { SWITCH_OWNER } from '../model/ids.ts';
import { COMMON_PART, type DesiredPart, type DesiredParts, Whole } from '../model/parts.ts';
import { SortedMap } from '../model/sorted-map.ts';
import { sleepersOf } from '../model/steering.ts';
import { BLANK_REVISION, blanksOf } from './blanks.ts';
import { classifyFlows } from './classify.ts';
import { deliverFlows } from './deliver.ts';
import { egressFlows } from './egress.ts';
import { drop, flow, goTo, normal } from './flow.ts';
import { ingressFlows } from './ingress.ts';
import { instanceNumber, type Side } from './metadata.ts';
import { PIPELINE, PRIORITY, TABLE_NAMES, type TableSpec } from './pipeline.ts';
import { steerFlows } from './steer.ts';
import { NO_TREE, openUplinks } from './tree.ts';
import { unchainedFlows } from './unchained.ts';
import { type CompileInput, OFPP_MAX, portName, type SwitchView, viewSwitch } from './view.ts';

export class CompiledSwitch extends Whole {
  readonly dpid: Dpid;
  readonly parts: DesiredParts;

  constructor(dpid: Dpid, parts: DesiredParts) {
    super(parts);
    this.dpid = dpid;
    this.parts = parts;
  }
}
export type Compiled = {
  readonly switches: ReadonlyMap<Dpid, CompiledSwitch>;
  readonly instances: readonly WantedInstance[];
};

/** The switches whose ports are known, as their tables are made from them. */
export function viewsOf(input: CompileInput): readonly SwitchView[] {
  const uplinks = openUplinks(input.declared, input.facts.links, input.tree ?? NO_TREE);
  return [...input.declared.switches.values()]
    .map(({ spec }) => viewSwitch(input, spec, uplinks))
    .filter((view) => view !== undefined);
}

export function compile(input: CompileInput): Compiled {
  const switches = viewsOf(input).map(compileSwitch);
  return {
    switches: new Map(switches.map((compiled) => [compiled.dpid, compiled])),
    instances: wantedInstances(input),
  };
}

function compileSwitch(view: SwitchView): CompiledSwitch {
  const common: DesiredPart = {
    flows: [
      ...missFlows(view),
      ...ingressFlows(view),
      ...classifyFlows(view),
      ...steerFlows(view),
      ...unchainedFlows(view),
      ...egressFlows(view),
      ...deliverFlows(view),
    ],
    groups: [],
    isolated: isolation(view),
  };
  return new CompiledSwitch(view.spec.dpid, SortedMap.from([[COMMON_PART, common]]));
}

/** Every table says what a miss does, so that nothing hangs on a switch's own default. */
function missFlows({ spec }: SwitchView): readonly DesiredFlow[] {
  const instructionsOf = (miss: TableSpec['miss']): DesiredFlow['instructions'] => {
    if (miss === 'drop') return drop;
    if (miss === 'declared') return spec.unchained === 'normal' ? normal : drop;
    return goTo(miss);
  };
  return TABLE_NAMES.map((name) =>
    flow(SWITCH_OWNER, name, PRIORITY.miss, [], instructionsOf(PIPELINE[name].miss)),
  );
}

function isolation(view: SwitchView): ReadonlyMap<OfPort, Isolation> {
  const chained = new Set(view.chained.map(({ port }) => port));
  const isClosed = ({ ofport, name }: PortFact): boolean =>
    chained.has(ofport) ||
    view.linkPorts.get(name) === 'closed' ||
    (ofport === view.uplink && !view.isUplinkOpen);
  const outside = view.outsidePorts
    .filter(({ ofport }) => ofport < OFPP_MAX)
    .map((port): readonly [OfPort, Isolation] => {
      if (isClosed(port)) return [port.ofport, 'all'];
      return [port.ofport, view.linkPorts.has(port.name) ? 'tagged' : 'none'];
    });
  const instances = [...view.paths.flatMap(({ hops, taps }) => [...hops, ...taps]), ...view.pooled]
    .flatMap(({ left, right }) => [left, right])
    .filter((port) => port !== undefined)
    .map((port) => [port, 'all'] as const);
  return new Map([...outside, ...instances].sort(([a], [b]) => a - b));
}

function wantedInstances(input: CompileInput): readonly WantedInstance[] {
  const { declared, steering, interfacePrefix } = input;
  const sleeping = sleepersOf(steering);
  const blanks = blanksOf(input);
  return [...steering.instances.values()]
    .filter(({ id }) => !sleeping.has(id) || blanks.has(id))
    .sort((a, b) => instanceNumber(a.id) - instanceNumber(b.id))
    .flatMap((record) => {
      const spec = declared.functions.get(record.function)?.spec;
      const bridge = declared.switches.get(record.switch)?.spec;
      // What is somebody else's is there already.
      if (!spec || spec.external || !bridge) return [];
      const wantedInterface = (side: Side) => ({
        port: portName(interfacePrefix, record.id, side),
        mac: instanceMac(record.id, side),
      });
      return {
        id: record.id,
        function: spec,
        ...(blanks.has(record.id)
          ? { config: spec.blank ?? {}, revision: BLANK_REVISION }
          : { config: record.config, revision: record.revision }),
        bridge: { dpid: bridge.dpid, ovsdb: bridge.ovsdb },
        left: wantedInterface('left'),
        right: wantedInterface('right'),
      };
    });
}

/** Locally administered, unicast: 02:c5, then the instance's number and its side in 32 bits. */
function instanceMac(id: InstanceId, side: Side): Mac {
  const tail = ((instanceNumber(id) << 1) | (side === 'right' ? 1 : 0)).toString(16).padStart(8, '0');
  return ['02', 'c5', ...(tail.match(/../g) ?? [])].join(':') as Mac;
}
