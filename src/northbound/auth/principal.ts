/**
 * Who calls, as far as the rest of the API has to know.
 */
import type { Name } from '../../model/ids.ts';
import { SCOPES, type Scope } from '../../model/tokens.ts';

export type Principal = {
  /** For the log and the records: `token:<id>`, `oidc:<subject>`, or `local` where nobody has to say who they are. */
  readonly id: string;
  readonly scope: Scope;
  /** Whose objects the caller sees and touches; absent for the operator, who has them all. */
  readonly tenant?: Name;
  /** Whether the credentials are still good, for what goes on after the request came; absent where they stay so. */
  readonly isCurrent?: (now: Date) => boolean;
};

/** Whoever reaches the API where authentication is off. */
export const LOCAL: Principal = { id: 'local', scope: 'admin' };

export function hasScope(principal: Principal, needed: Scope): boolean {
  return SCOPES.indexOf(principal.scope) >= SCOPES.indexOf(needed);
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Set before anything else looks at the request; on a public route it says nothing. */
    principal: Principal;
  }
}
