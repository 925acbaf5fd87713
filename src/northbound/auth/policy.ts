/**
 * Who may call which route: one table, so that it can be read at a glance. A route that is not in it is open to
 * nobody but administrators, and a test fails.
 */
import type { Scope } from '../../model/tokens.ts';

/** `anyone` needs no credentials; what such a route shows has to be public. */
export type Policy = 'anyone' | Scope;

export const POLICIES: Readonly<Record<string, Policy>> = {
  'POST /v1/apply': 'operate',
  'GET /v1/functions': 'read',
  'POST /v1/functions': 'operate',
  'GET /v1/functions/:name': 'read',
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
  'GET /v1/pools': 'read',
  'POST /v1/pools': 'operate',
  'GET /v1/pools/:name': 'read',
  'PUT /v1/pools/:name': 'operate',
  'DELETE /v1/pools/:name': 'operate',
  'GET /v1/pools/:name/history': 'read',
  'GET /v1/uplinks': 'read',
  'POST /v1/uplinks': 'operate',
  'GET /v1/uplinks/:name': 'read',
  'PUT /v1/uplinks/:name': 'operate',
  'PATCH /v1/uplinks/:name': 'operate',
  'DELETE /v1/uplinks/:name': 'operate',
  'GET /v1/uplinks/:name/history': 'read',
  'GET /v1/subscribers': 'read',
  'POST /v1/subscribers': 'operate',
  'GET /v1/subscribers/:name': 'read',
  'PUT /v1/subscribers/:name': 'operate',
  'PATCH /v1/subscribers/:name': 'operate',
  'DELETE /v1/subscribers/:name': 'operate',
  'GET /v1/subscribers/:name/history': 'read',
  'GET /v1/chains': 'read',
  'POST /v1/chains': 'operate',
  'GET /v1/chains/:name': 'read',
  'PUT /v1/chains/:name': 'operate',
  'PATCH /v1/chains/:name': 'operate',
  'DELETE /v1/chains/:name': 'operate',
  'GET /v1/chains/:name/history': 'read',
  'GET /v1/chains/:name/flows': 'read',
  'GET /v1/instances': 'read',
  'GET /v1/instances/:id': 'read',
  'GET /v1/instances/:id/counters': 'read',
  'GET /v1/links': 'read',
  'POST /v1/explain': 'read',
  'GET /v1/events': 'read',
  'GET /v1/tokens': 'admin',
  'POST /v1/tokens': 'admin',
  'GET /v1/tokens/:id': 'admin',
  'DELETE /v1/tokens/:id': 'admin',
  'GET /openapi.json': 'anyone',
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
