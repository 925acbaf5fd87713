import type { Json, JsonObject, Kind, Specs } from './declared.ts';

/** A spec as it may be shown, and told in the journal: what only its owner and its peer know is left out. */
export function withoutSecrets<K extends Kind>(kind: K, spec: Specs[K]): Json {
  const value = spec as unknown as JsonObject;
  if (kind !== 'webhooks') return value;
  const { secret: _, ...shown } = value;
  return shown;
}
