import type { Match } from 'ts-openflow';
import type { DesiredFlow } from '../model/desired.ts';
import { type Name, type OfPort, SWITCH_OWNER } from '../model/ids.ts';
import {
  ADDRESS_PROTOCOLS,
  addressedTo,
  drop,
  flow,
  identitiesOf,
  inPort,
  isolationVlan,
  placeAt,
  sendTo,
} from './flow.ts';
import type { Direction } from './metadata.ts';
import { EXTERNAL_PRIORITY, PRIORITY, servicePriority } from './pipeline.ts';
import { identityOf, remembering } from './remembered.ts';
import { bothOf, matchKey } from './service.ts';
import type { ChainedView, ChainView, SwitchView } from './view.ts';

/**
 * Upstream the port says whose a frame is, whatever addresses it claims. Downstream its destination does;
 * of what the uplink sends to everybody, a chained subscriber gets the questions about its own addresses.
 * So does an address that a function of the subscriber's gives out in the place of the subscriber's own.
 * Whose it is and what it carries say which of the subscriber's chains it belongs to.
 */
export function classifyFlows(view: SwitchView): readonly DesiredFlow[] {
  // It stands in `unchained` too: whoever deletes one of the two opens nothing before it is put back.
  const guard = flow(SWITCH_OWNER, 'classify', PRIORITY.last, [isolationVlan], drop);
  return [
    ...(view.isCommon ? [guard] : []),
    ...view.chained.flatMap((subscriber) => upstreamFlows(view, subscriber)),
    ...view.expected.flatMap((subscriber) => downstreamFlows(view, subscriber)),
  ];
}

/** What the flows of a subscriber at a switch are made of, as a key. */
const madeOf = ({ uplink, spec }: SwitchView, { port, chains }: ChainedView): string =>
  `${spec.name} ${spec.unchained} ${uplink} ${port} ${chains.map(
    ({ owner, path, service }) =>
      `${owner}:${path?.record.id}:${path?.external}:${service && identityOf(service)}`,
  )}`;

const sent = remembering<ChainedView['spec'], readonly DesiredFlow[]>();
const awaited = remembering<ChainedView['spec'], readonly DesiredFlow[]>();

function upstreamFlows(view: SwitchView, subscriber: ChainedView): readonly DesiredFlow[] {
  const { port } = subscriber;
  if (port === undefined) return [];
  return sent(subscriber.spec, madeOf(view, subscriber), () =>
    entering(view, subscriber, 'upstream', [[inPort(port)]], PRIORITY.wide, view.uplink),
  );
}

function downstreamFlows(view: SwitchView, subscriber: ChainedView): readonly DesiredFlow[] {
  const { uplink } = view;
  if (uplink === undefined) return [];
  const { spec, chains, port } = subscriber;
  return awaited(spec, madeOf(view, subscriber), () => [
    ...chains.flatMap((chain) => externalEntries(spec.name, chain, uplink)),
    ...entering(view, subscriber, 'downstream', fromUplink(subscriber, uplink), PRIORITY.exact, port),
  ]);
}

const fromUplink = ({ spec }: ChainedView, uplink: OfPort): readonly Match[] =>
  identitiesOf(spec).map((identity) => [inPort(uplink), ...identity]);

/**
 * One direction of a subscriber.
 *
 * @param identities each of which is enough to tell that a frame is the subscriber's
 * @param end where the traffic that no chain owns leaves
 */
function entering(
  view: SwitchView,
  { spec, chains }: ChainedView,
  direction: Direction,
  identities: readonly Match[],
  priority: number,
  end: OfPort | undefined,
): readonly DesiredFlow[] {
  const rest = chains.find(({ service }) => !service);
  return [
    ...chains.flatMap((chain) => serviceEntries(spec.name, chain, direction, identities)),
    ...fragmentGuards(chains, direction, identities),
    ...identities.flatMap((identity) =>
      rest
        ? [
            flow(
              rest.owner,
              'classify',
              priority,
              identity,
              enter(rest, direction),
              entered(rest, spec.name, direction),
            ),
          ]
        : bareWire(view, direction, identity, priority, end),
    ),
  ];
}

const enter = ({ path }: ChainView, direction: Direction): DesiredFlow['instructions'] =>
  path ? placeAt({ path: path.record.id, direction, hopsDone: 0 }) : drop;

/** What a flow counts that lets a subscriber's packets into a chain. */
const entered = ({ owner, path }: ChainView, subscriber: Name, direction: Direction): DesiredFlow['counts'] =>
  path && [{ owner, subscriber, direction, at: { kind: 'entered' } }];

function serviceEntries(
  subscriber: Name,
  chain: ChainView,
  direction: Direction,
  identities: readonly Match[],
): readonly DesiredFlow[] {
  if (!chain.service) return [];
  const { flows } = chain.service;
  const priority = servicePriority(chain.service.priority).matches;
  return flows[direction]
    .filter(({ fragments }) => !fragments)
    .flatMap(({ match }) => combinations(identities, match))
    .map((match) =>
      flow(
        chain.owner,
        'classify',
        priority,
        match,
        enter(chain, direction),
        entered(chain, subscriber, direction),
      ),
    );
}

/** Whichever service it is: only the function knows which of the subscriber's flows it has made of it. */
const externalEntries = (subscriber: Name, chain: ChainView, uplink: OfPort): readonly DesiredFlow[] =>
  chain.path?.external === undefined
    ? []
    : addressedTo(chain.path.external).map((address) =>
        flow(
          chain.owner,
          'classify',
          EXTERNAL_PRIORITY,
          [inPort(uplink), ...address],
          enter(chain, 'downstream'),
          entered(chain, subscriber, 'downstream'),
        ),
      );

const combinations = (identities: readonly Match[], match: Match): readonly Match[] =>
  identities.map((identity) => bothOf(identity, match)).filter((both) => both !== undefined);

/**
 * Fragments that may be a service's or may be not: whichever way they went, some of them would go around a hop. Two chains of one priority may have the same ones, so they are no chain's.
 */
function fragmentGuards(
  chains: readonly ChainView[],
  direction: Direction,
  identities: readonly Match[],
): readonly DesiredFlow[] {
  const guards = new Map<string, DesiredFlow>();
  for (const { service } of chains) {
    if (!service) continue;
    const priority = servicePriority(service.priority).fragments;
    const doubtful = service.flows[direction].filter(({ fragments }) => fragments);
    for (const match of doubtful.flatMap((one) => combinations(identities, one.match))) {
      guards.set(`${priority} ${matchKey(match)}`, flow(SWITCH_OWNER, 'classify', priority, match, drop));
    }
  }
  return [...guards.values()];
}

/**
 * What a subscriber with service chains alone sends and gets besides. It goes straight between its port and
 * the uplink and not to NORMAL, which could bring a service's frames past its chain. Where the switch drops
 * what is unchained, the protocols that addresses are found by still pass: no service would work without.
 */
function bareWire(
  { spec }: SwitchView,
  direction: Direction,
  identity: Match,
  priority: number,
  end: OfPort | undefined,
): readonly DesiredFlow[] {
  const straight = end === undefined ? drop : sendTo({ kind: 'port', port: end });
  if (spec.unchained === 'normal') return [flow(SWITCH_OWNER, 'classify', priority, identity, straight)];
  return [
    ...ADDRESS_PROTOCOLS[direction]
      .flatMap((protocol) => combinations([identity], protocol))
      .map((match) => flow(SWITCH_OWNER, 'classify', priority + 1, match, straight)),
    flow(SWITCH_OWNER, 'classify', priority, identity, drop),
  ];
}
