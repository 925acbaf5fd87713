/**
 * The REST API as the lab uses it: a client like any other, over HTTP.
 */
import type { Kind } from '../src/model/declared.ts';
import type { ExplainQuery, Explanation } from '../src/model/explain.ts';
import type { InstanceCounters, InstancePhase } from '../src/model/facts.ts';
import type { ChainStatus } from '../src/model/status.ts';
import { NotSeen } from './observe.ts';

/** An instance as the API shows it, as far as the lab looks at it. */
export type Instance = {
  readonly id: string;
  readonly chain: string;
  readonly subscriber: string;
  readonly hop: string;
  readonly function: string;
  readonly status: {
    readonly phase: InstancePhase;
    readonly pid?: number;
    readonly restarts: number;
    readonly ports: { readonly left: string; readonly right: string };
  };
};

export type Chain = { readonly status: ChainStatus };

export class Api {
  readonly url: string;

  constructor(url: string) {
    this.url = url;
  }

  /**
   * @param body JSON, or YAML as it stands in a file of chains/; the API reads both
   * @throws NotSeen with the problem's own words unless the answer is a 2xx
   */
  async request(method: string, path: string, body?: string): Promise<unknown> {
    const response = await fetch(this.url + path, {
      method,
      // Every connection is closed at once: a controller that is killed must not leave a dead one for reuse.
      headers: { connection: 'close', ...(body === undefined ? {} : { 'content-type': 'application/yaml' }) },
      signal: AbortSignal.timeout(30_000),
      ...(body === undefined ? {} : { body }),
    });
    const text = await response.text();
    if (!response.ok) throw new NotSeen(`${method} ${path} being accepted`, `${response.status}: ${text}`);
    return text === '' ? undefined : JSON.parse(text);
  }

  get(path: string): Promise<unknown> {
    return this.request('GET', path);
  }

  /** What a connected switch speaks, as in `OpenFlow 1.5`. */
  async protocol(name: string): Promise<string | undefined> {
    const { status } = (await this.get(`/v1/switches/${name}`)) as { status: { protocol?: string } };
    return status.protocol;
  }

  /** @param wait query that says what to wait for */
  async post(kind: Kind, body: string, wait = ''): Promise<void> {
    await this.request('POST', `/v1/${kind}${wait}`, body);
  }

  async put(kind: Kind, name: string, body: string, wait = ''): Promise<void> {
    await this.request('PUT', `/v1/${kind}/${name}${wait}`, body);
  }

  async remove(kind: Kind, name: string): Promise<void> {
    await this.request('DELETE', `/v1/${kind}/${name}`);
  }

  async chainStatus(name: string): Promise<ChainStatus> {
    return ((await this.get(`/v1/chains/${name}`)) as Chain).status;
  }

  async instances(): Promise<readonly Instance[]> {
    return ((await this.get('/v1/instances')) as { items: readonly Instance[] }).items;
  }

  async counters(id: string): Promise<InstanceCounters> {
    return (await this.get(`/v1/instances/${id}/counters`)) as InstanceCounters;
  }

  async explain(query: ExplainQuery): Promise<Explanation> {
    return (await this.request('POST', '/v1/explain', JSON.stringify(query))) as Explanation;
  }
}
