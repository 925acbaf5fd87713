/**
 * An API over a real store in memory and a control that says what a test tells it to. Every answer is held
 * against the contract.
 */
import { EventEmitter, once } from 'node:events';
import type { LightMyRequestResponse } from 'fastify';
import type { Test } from 'tap';
import type { AuditReport } from '../../../src/model/audit-report.ts';
import type { ChainCounters, SubscriberCounters } from '../../../src/model/counters.ts';
import type { FunctionSpec, Json, JsonObject } from '../../../src/model/declared.ts';
import { ChainstitchError } from '../../../src/model/errors.ts';
import type { ExplainQuery, ExplainSource, Explanation } from '../../../src/model/explain.ts';
import type { LinkFact, Reconciled, SwitchFact } from '../../../src/model/facts.ts';
import type { Dpid, Name } from '../../../src/model/ids.ts';
import type {
  ChainFlows,
  InstanceView,
  Introspection,
  RemainingPath,
  Store,
} from '../../../src/model/interfaces.ts';
import type { Plan } from '../../../src/model/plan.ts';
import type { ChainStatus } from '../../../src/model/status.ts';
import { contract, schemaFaults } from '../../../src/northbound/contract.ts';
import { createNorthbound, type Northbound, type NorthboundOptions } from '../../../src/northbound/index.ts';
import type { Problem } from '../../../src/northbound/problem.ts';
import { openStore } from '../../../src/store/store.ts';
import { openLog } from '../../../src/telemetry/log.ts';

export const FIREWALL = {
  name: 'firewall',
  image: 'firewall.elf',
  contract: 1,
  memoryMiB: 2,
  transparent: true,
  configSchema: {
    type: 'object',
    required: ['default'],
    additionalProperties: false,
    properties: {
      default: { enum: ['deny', 'allow'] },
      rules: {
        type: 'array',
        items: {
          oneOf: [
            {
              type: 'object',
              required: ['allow'],
              additionalProperties: false,
              properties: { allow: { $ref: '#/$defs/match' } },
            },
            {
              type: 'object',
              required: ['deny'],
              additionalProperties: false,
              properties: { deny: { $ref: '#/$defs/match' } },
            },
          ],
        },
      },
    },
    $defs: {
      match: {
        type: 'object',
        additionalProperties: false,
        properties: {
          protocol: { enum: ['tcp', 'udp', 'icmp'] },
          port: { type: 'integer', minimum: 1, maximum: 65535 },
          from: { type: 'string', anyOf: [{ format: 'ipv4-cidr' }, { format: 'ipv6-cidr' }] },
        },
      },
    },
  },
} as unknown as FunctionSpec;

export const SWITCH = {
  name: 's1',
  dpid: '0000000000000001',
  unchained: 'normal',
  ovsdb: 'unix:/run/ovs/db.sock',
};
export const UPLINK = { name: 'out', attachment: { switch: 's1', port: 'p9' } };
export const ALICE = {
  name: 'alice',
  attachment: { switch: 's1', port: 'p1' },
  mac: '00:00:00:00:00:01',
  ipv4: ['10.0.0.1'],
};
export const CHAIN = {
  name: 'c',
  subscribers: ['alice'],
  hops: [{ function: 'firewall', config: { default: 'deny' } }],
};

/** Control as a test plays it. */
export class StubControl implements Introspection {
  readonly #changes = new EventEmitter();
  readonly #store: Store;
  readonly switches = new Map<Dpid, SwitchFact>();
  views: InstanceView[] = [];
  joined: LinkFact[] = [];
  statuses = new Map<string, ChainStatus>();
  explanation: Explanation | undefined;
  asked: ExplainSource | undefined;
  reconciled: () => Reconciled = () => {
    throw new ChainstitchError('switch-not-connected', 'no connection');
  };
  /** The revision that has been looked at; by default the newest one. */
  observed: number | undefined;
  flows: ChainFlows[] = [];
  remaining: RemainingPath[] = [];
  plan: Plan = { switches: [], instances: { start: [], stop: [], reconfigure: [] }, notes: [] };

  constructor(store: Store) {
    this.#store = store;
    this.#changes.setMaxListeners(0);
  }

  /** Says of a chain what phase it is in, for the generation that is stored now unless told otherwise. */
  report(name: string, phase: ChainStatus['phase'], generation?: number, uid?: number): void {
    const chain = this.#store.declared().chains.get(name as Name);
    this.statuses.set(name, {
      uid: uid ?? chain?.uid ?? 0,
      phase,
      observedGeneration: generation ?? chain?.generation ?? 0,
      conditions: [],
      paths: [],
    });
    this.#changes.emit('change');
  }

  faults: string[] = [];

  unready(): readonly string[] {
    return this.faults;
  }
  chainStatus(name: Name): ChainStatus | undefined {
    return this.statuses.get(name);
  }
  observedRevision(): number {
    return this.observed ?? this.#store.declared().revision;
  }
  chainFlows(): readonly ChainFlows[] {
    return this.flows;
  }
  remains(): readonly RemainingPath[] {
    return this.remaining;
  }
  /** Says that something has changed, so that those who wait look again. */
  announce(): void {
    this.#changes.emit('change');
  }
  switchFacts(): ReadonlyMap<Dpid, SwitchFact> {
    return this.switches;
  }
  links(): readonly LinkFact[] {
    return this.joined;
  }
  instances(): readonly InstanceView[] {
    return this.views;
  }
  async instanceCounters(): Promise<never> {
    throw new ChainstitchError('instance-not-ready', 'it is starting');
  }
  async explain(_query: ExplainQuery, source: ExplainSource): Promise<Explanation> {
    this.asked = source;
    if (this.explanation === undefined) throw new ChainstitchError('switch-not-connected', 'no connection');
    return this.explanation;
  }
  chainCounters(name: Name): ChainCounters | undefined {
    return this.#store.declared().chains.has(name) ? this.counters : undefined;
  }
  subscriberCounters(name: Name): SubscriberCounters | undefined {
    const isThere = this.#store.declared().subscribers.has(name);
    return isThere ? { subscriber: name, chains: [this.counters] } : undefined;
  }
  readonly counters: ChainCounters = contract.components.examples['ChainCounters']?.['value'] as never;
  async audit(): Promise<AuditReport> {
    this.#audited = this.auditReport;
    return this.auditReport;
  }
  lastAudit(): AuditReport | undefined {
    return this.#audited;
  }
  #audited: AuditReport | undefined;
  readonly auditReport: AuditReport = contract.components.examples['AuditReport']?.['value'] as never;
  async reconcile(name: Name): Promise<Reconciled> {
    if (!this.#store.declared().switches.has(name)) throw new ChainstitchError('not-found', 'no switch');
    return this.reconciled();
  }
  whatIf(): Plan {
    return this.plan;
  }
  async changed(signal: AbortSignal): Promise<void> {
    await once(this.#changes, 'change', { signal }).catch(() => undefined);
  }
}

export type Answer = {
  status: number;
  headers: LightMyRequestResponse['headers'];
  body: JsonObject;
  text: string;
  problem: Problem;
};
export type Api = {
  store: Store;
  control: StubControl;
  northbound: Northbound;
  /** How often the API has called `onChange`. */
  changes: () => number;
  log: string[];
  call: (method: string, url: string, body?: unknown, headers?: Record<string, string>) => Promise<Answer>;
};

export function setUp(
  t: Test,
  builtIns: readonly FunctionSpec[] = [FIREWALL],
  more: Pick<NorthboundOptions, 'authentication' | 'now'> = {},
): Api {
  const store = openStore(':memory:');
  const control = new StubControl(store);
  const log: string[] = [];
  let changes = 0;
  const northbound = createNorthbound({
    store,
    introspection: control,
    builtIns,
    ...more,
    log: openLog('warn', { write: (line) => void log.push(line) }),
    onChange: () => {
      changes++;
    },
  });
  t.teardown(() => northbound.close());
  const call: Api['call'] = async (method, url, body, headers = {}) => {
    const isText = typeof body === 'string' || body instanceof Uint8Array;
    const response = await northbound.inject({
      method: method as 'GET',
      url,
      headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
      ...(body === undefined ? {} : { payload: isText ? Buffer.from(body as string) : JSON.stringify(body) }),
    });
    const type = String(response.headers['content-type'] ?? '').split(';')[0] ?? '';
    const value =
      type.endsWith('json') && response.body !== '' ? (JSON.parse(response.body) as JsonObject) : {};
    const broken = method === 'HEAD' ? [] : contractBreaches(method, url, response.statusCode, type, value);
    if (broken.length > 0) t.fail(`the answer to ${method} ${url} breaks the contract`, { broken, value });
    return {
      status: response.statusCode,
      headers: response.headers,
      body: value,
      text: response.body,
      problem: value as unknown as Problem,
    };
  };
  return { store, control, northbound, changes: () => changes, log, call };
}

/** Declares the switch, its uplink and Alice. */
export async function declareLab({ call }: Api): Promise<void> {
  for (const [kind, spec] of [
    ['switches', SWITCH],
    ['uplinks', UPLINK],
    ['subscribers', ALICE],
  ] as const) {
    const { status, body } = await call('POST', `/v1/${kind}`, spec);
    if (status !== 201) throw new Error(JSON.stringify(body));
  }
}

/** What the contract says differently about an answer. */
export function contractBreaches(
  method: string,
  url: string,
  status: number,
  type: string,
  value: Json,
): string[] {
  if (type === 'application/problem+json') {
    const faults = schemaFaults('Problem', value).map(({ pointer, detail }) => `${pointer} ${detail}`);
    if (faults.length > 0) return faults;
  }
  const [path = ''] = url.split('?');
  const found = Object.keys(contract.paths).find((pattern) =>
    new RegExp(`^${pattern.replaceAll('.', '\\.').replace(/\{\w+\}/g, '[^/]+')}$`).test(path),
  );
  const operation = found === undefined ? undefined : contract.paths[found]?.[method.toLowerCase()];
  // A method or a path that the contract does not have is answered in one way only.
  if (operation === undefined)
    return [400, 401, 403, 404, 405, 429, 503].includes(status) ? [] : [`status ${status}`];
  const response = resolve((operation as { responses: Record<string, Json> }).responses[String(status)]);
  if (response === undefined) return [`status ${status} is not in the contract`];
  const content = (response as { content?: Record<string, { schema: AnySchema }> }).content;
  if (content === undefined) return type === '' ? [] : [`a body of type ${type} where none is expected`];
  const schema = content[type]?.schema;
  if (schema === undefined) return [`type ${type} is not in the contract`];
  const name = schemaMeant(schema, url);
  return name === undefined
    ? []
    : schemaFaults(name, value).map(({ pointer, detail }) => `${pointer} ${detail}`);
}

type AnySchema = { $ref?: string; anyOf?: { $ref: string }[] };

/** Which of the schemas of an answer is the one that this request gets. */
function schemaMeant({ $ref, anyOf = [] }: AnySchema, url: string): string | undefined {
  const names = ($ref === undefined ? anyOf.map((one) => one.$ref) : [$ref]).map((ref) =>
    ref.split('/').at(-1),
  );
  const { searchParams } = new URL(url, 'http://localhost');
  const wanted =
    searchParams.get('dryRun') === 'true' ? /^DryRun$/ : searchParams.has('fields') ? /^Selection/ : /./;
  return names.find((name) => wanted.test(name ?? ''));
}

function resolve(value: Json | undefined): Json | undefined {
  const ref = (value as { $ref?: string } | undefined)?.$ref;
  if (ref === undefined) return value;
  return ref
    .slice(2)
    .split('/')
    .reduce<Json | undefined>((at, token) => (at as JsonObject | undefined)?.[token], contract);
}
