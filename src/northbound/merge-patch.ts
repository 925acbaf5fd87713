/**
 * JSON merge patch (RFC 7396).
 */
import type { Json, JsonObject } from '../model/declared.ts';

/** The target as the patch changes it: members that are null go, objects are merged, all else is replaced. */
export function mergePatch(target: Json, patch: Json): Json {
  if (!isObject(patch)) return patch;
  const result: Record<string, Json> = isObject(target) ? { ...target } : {};
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete result[name];
    else result[name] = mergePatch(Object.hasOwn(result, name) ? (result[name] as Json) : null, value);
  }
  return result;
}

function isObject(value: Json): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
