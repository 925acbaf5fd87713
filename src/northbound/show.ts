/**
 * What stored objects have in common, as it is shown.
 */
import type { Kind, Stored } from '../model/declared.ts';

export function showMeta({
  uid,
  generation,
  createdAt,
  updatedAt,
}: Stored<Kind>): Omit<Stored<Kind>, 'kind' | 'spec'> {
  return { uid, generation, createdAt, updatedAt };
}

export function showStored(stored: Stored<Kind>): Omit<Stored<Kind>, 'kind'> {
  return { ...showMeta(stored), spec: stored.spec };
}
