/**
 * Ways from switch to switch: which links a path crosses, and whether those of one that is there still stand.
 * Pure.
 */
import type { Attachment, Declared } from '../model/declared.ts';
import type { Facts, LinkEnd, LinkFact, PortFact } from '../model/facts.ts';
import type { Dpid, Name } from '../model/ids.ts';
import type { Crossing } from '../model/steering.ts';
import { crossingsOf, exitOf, isSpread, type RoutedPath } from './legs.ts';

/** A link as a path crosses it, from the subscriber's side to the uplink's. */
export type Step = { readonly from: Attachment; readonly to: Attachment };
export type Way = readonly Step[];
/** A way for each leg of a path, and the uplink that it ends at. */
export type Course = { readonly uplink: Name; readonly legs: readonly Way[] };

/**
 * - `up`: every link was seen a moment ago, or it cannot be known yet that one was not
 * - `doubtful`: a link has not been seen for long, because a switch is away; it may still forward
 * - `lost`: a link is gone, or the uplink is
 */
export type Standing = 'up' | 'doubtful' | 'lost';
const WORST: readonly Standing[] = ['up', 'doubtful', 'lost'];

export type TopologyInput = {
  readonly declared: Declared;
  readonly facts: Pick<Facts, 'switches' | 'links'>;
  /** Whether a link is fit for labelled frames: both its ports are confirmed to be kept from tagged others. */
  readonly isGuarded: (link: LinkFact) => boolean;
};

export class Topology {
  readonly #input: TopologyInput;
  readonly #names: ReadonlyMap<Dpid, Name>;
  /** By switch; each has one at most. */
  readonly #uplinks: ReadonlyMap<Name, Name>;
  readonly #steps = new Map<Name, Step[]>();
  readonly #links = new Map<string, LinkFact['state']>();
  readonly #ways = new Map<Name, ReadonlyMap<Name, Way>>();

  constructor(input: TopologyInput) {
    this.#input = input;
    this.#uplinks = new Map(
      [...input.declared.uplinks.values()].map(({ spec }) => [spec.attachment.switch, spec.name]),
    );
    this.#names = new Map([...input.declared.switches.values()].map(({ spec }) => [spec.dpid, spec.name]));
    for (const link of input.facts.links) this.#add(link);
    for (const steps of this.#steps.values()) steps.sort((a, b) => (stepKey(a) < stepKey(b) ? -1 : 1));
  }

  /** Of switches that are not joined. */
  static withoutLinks(declared: Declared): Topology {
    return new Topology({ declared, facts: { switches: new Map(), links: [] }, isGuarded: () => false });
  }

  #add(link: LinkFact): void {
    const [a, b] = [this.#attachment(link.a), this.#attachment(link.b)];
    if (!a || !b) return;
    const isUsable =
      link.state === 'up' &&
      a.switch !== b.switch &&
      [link.a, link.b].every(
        ({ dpid }) => this.#input.facts.switches.get(dpid)?.connection === 'connected',
      ) &&
      this.#input.isGuarded(link);
    for (const [from, to] of [
      [a, b],
      [b, a],
    ] as const) {
      this.#links.set(stepKey({ from, to }), link.state);
      if (!isUsable) continue;
      const known = this.#steps.get(from.switch);
      if (known) known.push({ from, to });
      else this.#steps.set(from.switch, [{ from, to }]);
    }
  }

  #attachment({ dpid, port }: LinkEnd): Attachment | undefined {
    const name = this.#names.get(dpid);
    return name === undefined ? undefined : { switch: name, port };
  }

  /**
   * The shortest way to every switch that can be reached. Of several, the one whose first link that differs
   * comes first by the names of switches and ports: the same links always give the same ways.
   */
  waysFrom(start: Name): ReadonlyMap<Name, Way> {
    const known = this.#ways.get(start);
    if (known) return known;
    const ways = new Map<Name, Way>([[start, []]]);
    // A map is walked in the order of its additions, those that are made meanwhile among them.
    for (const [at, way] of ways) {
      for (const step of this.#steps.get(at) ?? [])
        if (!ways.has(step.to.switch)) ways.set(step.to.switch, [...way, step]);
    }
    this.#ways.set(start, ways);
    return ways;
  }

  /**
   * The course of a path that begins at a switch and visits those of its hops: to the uplink that is nearest to
   * its beginning, or to the one that it has, if that can be reached.
   *
   * @returns undefined where there is no way
   */
  course(start: Name, hops: readonly Name[], kept: Name | undefined): Course | undefined {
    const uplink = this.#uplinkFor(start, kept);
    if (!uplink) return undefined;
    const stops = [start, ...hops, uplink.at];
    const legs: Way[] = [];
    for (const [i, to] of stops.slice(1).entries()) {
      const way = this.waysFrom(stops[i] ?? start).get(to);
      if (!way) return undefined;
      legs.push(way);
    }
    return { uplink: uplink.name, legs };
  }

  #uplinkFor(start: Name, kept: Name | undefined): { readonly name: Name; readonly at: Name } | undefined {
    const ways = this.waysFrom(start);
    return [...this.#input.declared.uplinks.values()]
      .map(({ spec }) => ({ name: spec.name, at: spec.attachment.switch }))
      .filter(({ at }) => ways.has(at))
      .sort((a, b) => rank(a) - rank(b) || (a.name < b.name ? -1 : 1))[0];

    /** One on the same switch comes before all: who has its own does not share another's. */
    function rank({ name, at }: { name: Name; at: Name }): number {
      if (at === start) return 0;
      return name === kept ? 1 : 1 + (ways.get(at)?.length ?? 0);
    }
  }

  uplinkAt(at: Name): Name | undefined {
    return this.#uplinks.get(at);
  }

  /** Whether instances for subscribers run at a switch. */
  isHost(at: Name): boolean {
    return this.#input.declared.switches.get(at)?.spec.hostsInstances !== false;
  }

  /** Of the hosts of instances the one that is nearest to a switch; undefined if none can be reached. */
  hostFor(start: Name): Name | undefined {
    for (const name of this.waysFrom(start).keys()) {
      if (this.isHost(name)) return name;
    }
    return undefined;
  }

  /** How the way of a path stands that was set before. */
  standing(path: RoutedPath): Standing {
    const { uplink } = path.route;
    if (this.#input.declared.uplinks.get(uplink)?.spec.attachment.switch !== exitOf(path)) return 'lost';
    if (!isSpread(path)) return 'up';
    const standings = crossingsOf(path).map((crossing) => this.#standingOf(crossing));
    return WORST.findLast((one) => standings.includes(one)) ?? 'up';
  }

  /** The links of a path that do not carry it for certain. */
  faultsOf(path: RoutedPath): readonly { readonly crossing: Crossing; readonly standing: Standing }[] {
    return crossingsOf(path)
      .map((crossing) => ({ crossing, standing: this.#standingOf(crossing) }))
      .filter(({ standing }) => standing !== 'up');
  }

  #standingOf(crossing: Crossing): Standing {
    const ends = [crossing.from, crossing.to].map((at) => this.#endOf(at));
    if (ends.some((end) => end === 'gone')) return 'lost';
    const state = this.#links.get(stepKey(crossing));
    if (state === 'up') return 'up';
    if (state !== undefined) return 'doubtful';
    // What has not been heard of is lost only where it would have been.
    return ends.every((end) => end === 'listened') ? 'lost' : 'up';
  }

  #endOf(at: Attachment): 'gone' | 'unknown' | 'listened' {
    const spec = this.#input.declared.switches.get(at.switch)?.spec;
    if (!spec) return 'gone';
    const fact = this.#input.facts.switches.get(spec.dpid);
    if (fact?.connection !== 'connected') return 'unknown';
    const port: PortFact | undefined = fact.ports.get(at.port);
    if (!port?.linkUp) return 'gone';
    return port.listening || fact.discovery === 'asking' || fact.discovery === 'idle'
      ? 'unknown'
      : 'listened';
  }
}

const stepKey = ({ from, to }: Step): string => `${from.switch}/${from.port} ${to.switch}/${to.port}`;
