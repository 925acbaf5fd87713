import type { DesiredFlow } from '../model/desired.ts';
import { SWITCH_OWNER } from '../model/ids.ts';
import {
  drop,
  flow,
  goTo,
  inPort,
  lldp,
  placeAt,
  popTag,
  probe,
  tagged,
  toController,
  untagged,
} from './flow.ts';
import { passages } from './legs.ts';
import { PRIORITY } from './pipeline.ts';
import type { PathView, SwitchView } from './view.ts';

/**
 * A frame that comes out of an instance is known by the port, and by the tag where the instance is a pool's, so
 * that a function may rewrite whatever it likes. Where an instance without tags stands on two paths, the one
 * that is or becomes current has it.
 *
 * A port that may lead to another switch hands in LLDP, and while it listens takes nothing else: it might
 * close a ring. From a link, what has no tag is unchained, where such traffic may use the link at all; a tag
 * is a label, and one that nobody has given out ends here.
 */
export function ingressFlows(view: SwitchView): readonly DesiredFlow[] {
  const outside = view.outsidePorts
    .filter(({ name, listening }) => !listening && view.linkPorts.get(name) !== 'closed')
    .map(({ name, ofport }) => {
      const match = view.linkPorts.has(name) ? [inPort(ofport), untagged] : [inPort(ofport)];
      return flow(SWITCH_OWNER, 'ingress', PRIORITY.wide, match, goTo('classify'));
    });
  const neighbours = view.openPorts.map(({ ofport }) =>
    flow(SWITCH_OWNER, 'ingress', PRIORITY.guard, [inPort(ofport), ...lldp], toController),
  );
  const returns = new Map<string, DesiredFlow>();
  for (const path of [...view.paths].sort(byClaim)) {
    for (const [from, returned] of returnFlows(path)) if (!returns.has(from)) returns.set(from, returned);
  }
  // The switch takes those of instances' ports out before any table; what gets here is somebody's forgery.
  const forged = flow(SWITCH_OWNER, 'ingress', PRIORITY.guard, probe, drop);
  return [
    ...neighbours,
    ...(view.isCommon ? [forged] : []),
    ...outside,
    ...view.paths.flatMap((path) => labelled(view, path)),
    ...returns.values(),
  ];
}

/** What comes over a link is known by the port and its label, which is taken off. */
function labelled({ spec, numbers }: SwitchView, { record }: PathView): readonly DesiredFlow[] {
  const places = (['upstream', 'downstream'] as const).flatMap((direction) =>
    [...record.hops.keys(), record.hops.length].map((hopsDone) => ({ direction, hopsDone })),
  );
  return places.flatMap(({ direction, hopsDone }) =>
    passages(record, direction, hopsDone).flatMap(({ to, label }) => {
      const port = to.switch === spec.name ? numbers.get(to.port) : undefined;
      if (port === undefined) return [];
      const arrived = [popTag, ...placeAt({ path: record.id, direction, hopsDone })];
      return [flow(record.owner, 'ingress', PRIORITY.exact, [inPort(port), tagged(label)], arrived)];
    }),
  );
}

const CLAIM = { current: 0, draining: 1, staged: 2 } as const;
const byClaim = (a: PathView, b: PathView): number =>
  CLAIM[a.record.state.phase] - CLAIM[b.record.state.phase] || b.record.id - a.record.id;

/** Each with what it is known by. */
function returnFlows({ record, hops }: PathView): readonly (readonly [string, DesiredFlow])[] {
  return hops.flatMap(({ left, right, tags }, i) => {
    const upstream = { path: record.id, direction: 'upstream', hopsDone: i + 1 } as const;
    const downstream = { path: record.id, direction: 'downstream', hopsDone: hops.length - i } as const;
    return [
      ...(right === undefined ? [] : [[right, upstream] as const]),
      ...(left === undefined ? [] : [[left, downstream] as const]),
    ].map(([port, place]) => {
      const tag = tags?.[place.direction];
      const match = tag === undefined ? [inPort(port)] : [inPort(port), tagged(tag)];
      const back = tag === undefined ? placeAt(place) : [popTag, ...placeAt(place)];
      return [`${port} ${tag}`, flow(record.owner, 'ingress', PRIORITY.exact, match, back)] as const;
    });
  });
}
