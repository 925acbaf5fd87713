/**
 * Tenants: whose an object is stands in its name. `acme.alice` is the tenant acme's; a name without a dot is the
 * operator's (decision 19).
 */
import type { Kind } from './declared.ts';
import type { Name } from './ids.ts';

/** The kinds whose objects belong to tenants; all others are the operator's. */
export const OWNED_KINDS = ['subscribers', 'chains'] as const satisfies readonly Kind[];
export type OwnedKind = (typeof OWNED_KINDS)[number];

export function isOwnedKind(kind: string): kind is OwnedKind {
  return (OWNED_KINDS as readonly string[]).includes(kind);
}

/** The tenant that an object of an owned kind belongs to; undefined for the operator's. */
export function tenantOf(name: string): Name | undefined {
  const dot = name.indexOf('.');
  return dot < 0 ? undefined : (name.slice(0, dot) as Name);
}

/** What the names of all objects of a tenant begin with, and no other name. */
export function tenantPrefix(tenant: Name): string {
  return `${tenant}.`;
}
