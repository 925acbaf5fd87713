/**
 * The kinds of object as an operator calls them, and what the columns of a list of them are.
 */
import { closest } from '../model/closest.ts';
import type { Kind, Specs } from '../model/declared.ts';
import type { InstanceFact, LinkFact, SwitchFact } from '../model/facts.ts';
import type { ChainStatus } from '../model/status.ts';
import type { InstanceRecord } from '../model/steering.ts';
import { Failure } from './failure.ts';

/** Declared objects; instances, which come with the chains; links, which are found. */
export type ShownKind = Kind | 'instances' | 'links';

export type SwitchShown = {
  readonly declared: boolean;
  readonly spec?: Specs['switches'];
  readonly status: Pick<SwitchFact, 'dpid' | 'connection' | 'protocol' | 'problem'> & {
    readonly applied: boolean;
    readonly ports: readonly { name: string; ofport: number; mac: string; linkUp: boolean }[];
    readonly rejections: readonly { reason: string; flow: string }[];
  };
};
export type ChainShown = {
  readonly generation: number;
  readonly spec: Specs['chains'];
  readonly status: Omit<ChainStatus, 'uid'>;
};
export type WebhookShown = {
  readonly spec: Omit<Specs['webhooks'], 'secret'>;
  readonly status: { readonly delivered: number; readonly newest: number; readonly deadLetters: number };
};
export type InstanceShown = InstanceRecord & {
  readonly status: Omit<InstanceFact, 'id' | 'phase'> & { readonly phase: InstanceFact['phase'] | 'unknown' };
};

export type LinkShown = {
  readonly ends: readonly [LinkEndShown, LinkEndShown];
  readonly state: LinkFact['state'];
  readonly since: string;
};
type LinkEndShown = { readonly switch: string; readonly port: string };

/** An object of each kind as the API shows it. */
export type Shown = {
  functions: { readonly builtIn: boolean; readonly spec: Specs['functions'] };
  switches: SwitchShown;
  uplinks: { readonly spec: Specs['uplinks'] };
  subscribers: { readonly spec: Specs['subscribers'] };
  pools: { readonly spec: Specs['pools'] };
  chains: ChainShown;
  webhooks: WebhookShown;
  instances: InstanceShown;
  links: LinkShown;
};

type Column<T> = { readonly title: string; readonly of: (object: T) => string | number | undefined };
type KindEntry<K extends ShownKind> = {
  readonly aliases: readonly string[];
  readonly name: (object: Shown[K]) => string;
  readonly columns: readonly Column<Shown[K]>[];
};

const join = (values: readonly string[] | undefined): string | undefined =>
  values === undefined || values.length === 0 ? undefined : values.join(',');
const endText = (end: LinkEndShown): string => `${end.switch}:${end.port}`;
const labels = (of: Readonly<Record<string, string>> | undefined): string | undefined =>
  of && join(Object.entries(of).map(([key, value]) => `${key}=${value}`));

const TABLE: { readonly [K in ShownKind]: KindEntry<K> } = {
  functions: {
    aliases: ['function', 'fn'],
    name: ({ spec }) => spec.name,
    columns: [
      { title: 'NAME', of: ({ spec }) => spec.name },
      { title: 'BUILT-IN', of: ({ builtIn }) => (builtIn ? 'yes' : 'no') },
      { title: 'IMAGE', of: ({ spec }) => spec.image ?? '(external)' },
      { title: 'MIB', of: ({ spec }) => spec.memoryMiB },
      { title: 'DESCRIPTION', of: ({ spec }) => spec.description },
    ],
  },
  switches: {
    aliases: ['switch', 'sw'],
    name: ({ spec, status }) => spec?.name ?? status.dpid,
    columns: [
      { title: 'NAME', of: ({ spec }) => spec?.name ?? '(undeclared)' },
      { title: 'DPID', of: ({ status }) => status.dpid },
      { title: 'CONNECTION', of: ({ status }) => status.connection },
      { title: 'PROTOCOL', of: ({ status }) => status.protocol },
      { title: 'CONFIRMED', of: ({ status }) => (status.applied ? 'yes' : 'no') },
      { title: 'PORTS', of: ({ status }) => status.ports.length },
      { title: 'PROBLEM', of: ({ status }) => status.problem },
    ],
  },
  uplinks: {
    aliases: ['uplink', 'up'],
    name: ({ spec }) => spec.name,
    columns: [
      { title: 'NAME', of: ({ spec }) => spec.name },
      { title: 'SWITCH', of: ({ spec }) => spec.attachment.switch },
      { title: 'PORT', of: ({ spec }) => spec.attachment.port },
    ],
  },
  subscribers: {
    aliases: ['subscriber', 'sub'],
    name: ({ spec }) => spec.name,
    columns: [
      { title: 'NAME', of: ({ spec }) => spec.name },
      { title: 'SWITCH', of: ({ spec }) => spec.attachment.switch },
      { title: 'PORT', of: ({ spec }) => spec.attachment.port },
      { title: 'MAC', of: ({ spec }) => spec.mac },
      { title: 'ADDRESSES', of: ({ spec }) => join([...(spec.ipv4 ?? []), ...(spec.ipv6 ?? [])]) },
      { title: 'LABELS', of: ({ spec }) => labels(spec.labels) },
    ],
  },
  pools: {
    aliases: ['pool'],
    name: ({ spec }) => spec.name,
    columns: [
      { title: 'NAME', of: ({ spec }) => spec.name },
      { title: 'FUNCTION', of: ({ spec }) => spec.function },
      { title: 'SWITCH', of: ({ spec }) => spec.switch },
      { title: 'INSTANCES', of: ({ spec }) => spec.instances ?? spec.external.length },
      { title: 'DRAIN', of: ({ spec }) => join(spec.drain) },
    ],
  },
  webhooks: {
    aliases: ['webhook'],
    name: ({ spec }) => spec.name,
    columns: [
      { title: 'NAME', of: ({ spec }) => spec.name },
      { title: 'URL', of: ({ spec }) => spec.url },
      { title: 'TOLD OF', of: ({ spec }) => join(spec.events?.kinds) ?? 'everything' },
      { title: 'BEHIND', of: ({ status }) => status.newest - status.delivered },
      { title: 'DEAD LETTERS', of: ({ status }) => status.deadLetters },
    ],
  },
  chains: {
    aliases: ['chain'],
    name: ({ spec }) => spec.name,
    columns: [
      { title: 'NAME', of: ({ spec }) => spec.name },
      { title: 'PHASE', of: ({ status }) => status.phase },
      { title: 'GENERATION', of: ({ generation }) => generation },
      { title: 'FOR', of: ({ spec }) => join(spec.subscribers) ?? labels(spec.selector) },
      {
        title: 'HOPS',
        of: ({ spec }) => spec.hops.map((hop) => hop.name ?? hop.pool ?? hop.function).join(' > '),
      },
      { title: 'MISSING', of: ({ status }) => status.conditions.find((one) => !one.status)?.message },
    ],
  },
  instances: {
    aliases: ['instance', 'in'],
    name: ({ id }) => id,
    columns: [
      { title: 'ID', of: ({ id }) => id },
      { title: 'PHASE', of: ({ status }) => status.phase },
      { title: 'CHAIN', of: ({ chain }) => chain },
      { title: 'SUBSCRIBER', of: ({ subscriber }) => subscriber },
      { title: 'HOP', of: ({ hop }) => hop },
      { title: 'POOL', of: ({ pool }) => pool },
      { title: 'FUNCTION', of: ({ function: name }) => name },
      { title: 'RESTARTS', of: ({ status }) => status.restarts },
      { title: 'PROBLEM', of: ({ status }) => status.problem },
    ],
  },
  links: {
    aliases: ['link'],
    name: ({ ends }) => ends.map(endText).join('--'),
    columns: [
      { title: 'ONE END', of: ({ ends: [one] }) => endText(one) },
      { title: 'OTHER END', of: ({ ends: [, other] }) => endText(other) },
      { title: 'STATE', of: ({ state }) => state },
      { title: 'SINCE', of: ({ since }) => since },
    ],
  },
};

export const SHOWN_KINDS = Object.keys(TABLE) as readonly ShownKind[];

/** Every word that stands for a kind. */
export const KIND_WORDS: readonly string[] = SHOWN_KINDS.flatMap((kind) => [kind, ...TABLE[kind].aliases]);

/** The kind that a word stands for. @throws Failure `usage` */
export function parseKind(word: string): ShownKind {
  const found = SHOWN_KINDS.find((kind) => kind === word || TABLE[kind].aliases.includes(word));
  if (found !== undefined) return found;
  const near = closest(word, KIND_WORDS);
  throw new Failure(
    'usage',
    `there is no kind ${word}${near === undefined ? '' : `; did you mean ${near}?`}`,
    {
      remedy: `There are ${SHOWN_KINDS.join(', ')}.`,
    },
  );
}

/** As `parseKind`, for what can be declared and deleted. @throws Failure `usage` */
export function parseDeclaredKind(word: string): Kind {
  const kind = parseKind(word);
  if (kind === 'links') throw new Failure('usage', 'links are found; nobody makes or deletes one');
  if (kind !== 'instances') return kind;
  throw new Failure('usage', 'instances come and go with the chains; nobody makes or deletes one', {
    remedy: 'Change or delete the chain that the instance is for.',
  });
}

export function nameOf<K extends ShownKind>(kind: K, object: Shown[K]): string {
  return TABLE[kind].name(object);
}

/** The title of every column, and a line of each object. Absent values are `-`. */
export function rowsOf<K extends ShownKind>(
  kind: K,
  objects: readonly Shown[K][],
): { readonly titles: readonly string[]; readonly rows: readonly (readonly string[])[] } {
  const { columns } = TABLE[kind] as KindEntry<K>;
  return {
    titles: columns.map(({ title }) => title),
    rows: objects.map((object) => columns.map(({ of }) => String(of(object) ?? '-'))),
  };
}

/** Where an object of this kind is in the API. */
export const pathOf = (kind: ShownKind, name?: string): string =>
  name === undefined ? `/v1/${kind}` : `/v1/${kind}/${encodeURIComponent(name)}`;
