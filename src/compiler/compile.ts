/**
 * compile: what is declared, decided and so, in; what each switch and the host are to be made equal to, out.
 * A function of its input alone: the same input gives the same flows in the same order.
 */
import type { SwitchSpec } from '../model/declared.ts';
import type { WantedInstance } from '../model/desired.ts';
import type { Dpid, Name } from '../model/ids.ts';
import { COMMON_PART, type DesiredPart, type DesiredParts, Whole } from '../model/parts.ts';
import { SortedMap } from '../model/sorted-map.ts';
import { concernOf } from './concern.ts';
import { Cut } from './cut.ts';
import { wantedInstances } from './instances.ts';
import { type Concern, SteeringIndex } from './steering-index.ts';
import { tablesOf } from './tables.ts';
import { NO_TREE, openUplinks } from './tree.ts';
import { type CompileInput, type SwitchView, viewSwitch } from './view.ts';

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

export const compile = (input: CompileInput): Compiled => new Compiler().compile(input);

/** The switches whose ports are known, each as a whole. */
export function viewsOf(input: CompileInput): readonly SwitchView[] {
  const uplinks = openUplinks(input.declared, input.facts.links, input.tree ?? NO_TREE);
  return [...input.declared.switches.values()]
    .map(({ spec }) => viewSwitch(input, spec, uplinks))
    .filter((view) => view !== undefined);
}

const subscriberPart = (name: Name): string => `subscriber ${name}`;
const portPart = (name: string): string => `port ${name}`;

/**
 * Compiles one input after the other. What comes out is a function of the input alone, as of `compile`; the input
 * before only saves work: of what nothing has changed, the parts are the same objects.
 */
export class Compiler {
  readonly #index = new SteeringIndex();
  #last: { readonly input: CompileInput; readonly compiled: Compiled } | undefined;

  compile(input: CompileInput): Compiled {
    const last = this.#last;
    const concern: Concern = {
      subscribers: new Set(),
      ports: [],
      common: false,
      everybody: last === undefined,
    };
    this.#index.follow(input.steering, concern);
    if (last !== undefined) concernOf(last.input, input, this.#index, concern);
    const cut = new Cut(input, this.#index);
    const switches = new Map<Dpid, CompiledSwitch>();
    for (const { spec } of input.declared.switches.values()) {
      const before = last?.compiled.switches.get(spec.dpid);
      const parts =
        before === undefined || concern.everybody
          ? wholeOf(cut, spec)
          : changedOf(cut, spec, before.parts, concern);
      if (parts === undefined) continue;
      switches.set(spec.dpid, parts === before?.parts ? before : new CompiledSwitch(spec.dpid, parts));
    }
    const compiled = { switches, instances: this.#instances(input) };
    this.#last = { input, compiled };
    return compiled;
  }

  #instances(input: CompileInput): readonly WantedInstance[] {
    const last = this.#last;
    const [before, now] = [last?.input, input];
    const isSame =
      before?.steering.instances === now.steering.instances &&
      before.steering.paths === now.steering.paths &&
      // Those that are kept booted for nobody yet depend on what runs.
      ((now.warmPool?.size ?? 0) === 0 || before.facts.instances === now.facts.instances) &&
      before.warmPool === now.warmPool &&
      before.declared.functions === now.declared.functions &&
      before.declared.switches === now.declared.switches;
    return last !== undefined && isSame ? last.compiled.instances : wantedInstances(input);
  }
}

/** @returns undefined while the ports of the switch are not known */
function wholeOf(cut: Cut, spec: SwitchSpec): DesiredParts | undefined {
  const common = partOf(cut.common(spec));
  if (common === undefined) return undefined;
  const parts: [string, DesiredPart][] = [[COMMON_PART, common]];
  const put = (key: string, part: DesiredPart | undefined): void => {
    if (part !== undefined) parts.push([key, part]);
  };
  for (const name of cut.subscribersAt(spec)) put(subscriberPart(name), partOf(cut.subscriber(spec, name)));
  for (const name of cut.portsAt(spec)) put(portPart(name), partOf(cut.port(spec, name)));
  return SortedMap.from(parts);
}

function changedOf(
  cut: Cut,
  spec: SwitchSpec,
  before: DesiredParts,
  { subscribers, ports, common }: Concern,
): DesiredParts {
  const changes = new Map<string, DesiredPart | undefined>();
  if (common) changes.set(COMMON_PART, partOf(cut.common(spec)));
  for (const name of subscribers) changes.set(subscriberPart(name), partOf(cut.subscriber(spec, name)));
  for (const { at, port } of ports)
    if (at === spec.name) changes.set(portPart(port), partOf(cut.port(spec, port)));
  for (const [key, part] of changes) if (part === undefined && !before.has(key)) changes.delete(key);
  return before.withAll(changes);
}

function partOf(view: SwitchView | undefined): DesiredPart | undefined {
  if (view === undefined) return undefined;
  const part = tablesOf(view);
  const isEmpty = part.flows.length + part.groups.length + part.isolated.size === 0;
  return isEmpty ? undefined : part;
}
