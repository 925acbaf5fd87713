/**
 * Who may call which route: one table, so that it can be read at a glance. A route that is not in it is open to
 * nobody but the operator's administrators, and a test fails.
 */
import type { Scope } from '../../model/tokens.ts';

/**
 * `anyone` needs no credentials; what such a route shows has to be public. A scope alone is for operators. With
 * `own` before it the route is for tenants too, each of whom sees and changes what is its own: such a route reads
 * through `viewOf(context, request)` and nothing else.
 */
export type Policy = 'anyone' | Scope | `own ${Scope}`;

export const POLICIES: Readonly<Record<string, Policy>> = {
  'POST /v1/apply': 'own operate',
  'GET /v1/functions': 'own read',
  'POST /v1/functions': 'operate',
  'GET /v1/functions/:name': 'own read',
  'PUT /v1/functions/:name': 'operate',
  'PATCH /v1/functions/:name': 'operate',
  'DELETE /v1/functions/:name': 'operate',
  'GET /v1/functions/:name/history': 'read',
  'GET /v1/switches': 'read',
  'POST /v1/switches': 'operate',
  'GET /v1/switches/:name': 'read',
  'PUT /v1/switches/:name': 'operate',
  'PATCH /v1/switches/:name': 'operate',
  'DELETE /v1/switches/:name': 'operate',
  'POST /v1/switches/:name/reconcile': 'operate',
  'GET /v1/switches/:name/history': 'read',
  'GET /v1/webhooks': 'admin',
  'POST /v1/webhooks': 'admin',
  'GET /v1/webhooks/:name': 'admin',
  'PUT /v1/webhooks/:name': 'admin',
  'PATCH /v1/webhooks/:name': 'admin',
  'DELETE /v1/webhooks/:name': 'admin',
  'GET /v1/webhooks/:name/history': 'admin',
  'GET /v1/webhooks/:name/dead-letters': 'admin',
  'DELETE /v1/webhooks/:name/dead-letters': 'admin',
  'POST /v1/webhooks/:name/redeliver': 'admin',
  'GET /v1/pools': 'own read',
  'POST /v1/pools': 'operate',
  'GET /v1/pools/:name': 'own read',
  'PUT /v1/pools/:name': 'operate',
  'PATCH /v1/pools/:name': 'operate',
  'DELETE /v1/pools/:name': 'operate',
  'GET /v1/pools/:name/history': 'read',
  'GET /v1/uplinks': 'read',
  'POST /v1/uplinks': 'operate',
  'GET /v1/uplinks/:name': 'read',
  'PUT /v1/uplinks/:name': 'operate',
  'PATCH /v1/uplinks/:name': 'operate',
  'DELETE /v1/uplinks/:name': 'operate',
  'GET /v1/uplinks/:name/history': 'read',
  'GET /v1/subscribers': 'own read',
  'POST /v1/subscribers': 'operate',
  'GET /v1/subscribers/:name': 'own read',
  'PUT /v1/subscribers/:name': 'own operate',
  'PATCH /v1/subscribers/:name': 'own operate',
  'DELETE /v1/subscribers/:name': 'operate',
  'GET /v1/subscribers/:name/history': 'own read',
  'GET /v1/chains': 'own read',
  'POST /v1/chains': 'own operate',
  'GET /v1/chains/:name': 'own read',
  'PUT /v1/chains/:name': 'own operate',
  'PATCH /v1/chains/:name': 'own operate',
  'DELETE /v1/chains/:name': 'own operate',
  'GET /v1/chains/:name/history': 'own read',
  'GET /v1/chains/:name/flows': 'read',
  'GET /v1/chains/:name/counters': 'own read',
  'GET /v1/subscribers/:name/counters': 'own read',
  'GET /v1/instances': 'own read',
  'GET /v1/instances/:id': 'own read',
  'GET /v1/instances/:id/counters': 'own read',
  'GET /v1/links': 'read',
  'POST /v1/explain': 'own read',
  'POST /v1/audit': 'operate',
  'GET /v1/audit': 'read',
  'GET /v1/events': 'own read',
  'GET /v1/audit-log': 'own admin',
  'GET /v1/tokens': 'own admin',
  'POST /v1/tokens': 'own admin',
  'GET /v1/tokens/:id': 'own admin',
  'DELETE /v1/tokens/:id': 'own admin',
  'GET /openapi.json': 'anyone',
  'GET /docs': 'anyone',
  'GET /docs/:file': 'anyone',
  'GET /problems/:code': 'anyone',
  'GET /healthz': 'anyone',
  'GET /readyz': 'anyone',
  'GET /metrics': 'read',
  'GET /v1/backup': 'admin',
};

/** The policy of a route; undefined where the table has none. HEAD goes with GET. */
export function policyOf(method: string, route: string): Policy | undefined {
  const key = `${method === 'HEAD' ? 'GET' : method} ${route}`;
  return Object.hasOwn(POLICIES, key) ? POLICIES[key] : undefined;
}

export type Demand = { readonly scope: Scope; readonly isForTenants: boolean };

/** What a route asks of its caller; undefined where it asks nothing. */
export function demandOf(policy: Policy): Demand | undefined {
  if (policy === 'anyone') return undefined;
  const [, own, scope] = /^(own )?(\w+)$/.exec(policy) as unknown as [string, string | undefined, Scope];
  return { scope, isForTenants: own !== undefined };
}
