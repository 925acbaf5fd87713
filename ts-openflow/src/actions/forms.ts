import { fullMask, type KnownMatchField, matchField } from '../match.ts';
import type { Action } from './index.ts';

type ActionOf<T extends Action['type']> = Extract<Action, { type: T }>;

/** The set-field that a load is: of some bits, so with a mask. Undefined for a field that is not known. */
export function loadAsSetField(load: ActionOf<'regLoad'>): ActionOf<'setField'> | undefined {
  const { dst, offsetBits, value } = load;
  if (dst.field === 'unknown') return undefined;
  const offset = BigInt(offsetBits >> 6);
  const full = fullMask(dst.field);
  const mask = (((1n << BigInt((offsetBits & 63) + 1)) - 1n) << offset) & full;
  const field: KnownMatchField = matchField(
    dst.field,
    (value << offset) & mask,
    mask === full ? undefined : mask,
  );
  return { type: 'setField', field };
}

/** The action that does the same in that version, where the given one is another version's. */
export function formFor(action: Action, version: number): Action {
  if (version < 5) {
    const masked =
      action.type === 'setField' && action.field.field !== 'unknown' && action.field.mask !== undefined;
    return masked ? { type: 'regLoad2', field: action.field } : action;
  }
  if (action.type === 'regLoad') return loadAsSetField(action) ?? action;
  if (action.type === 'regLoad2') return { type: 'setField', field: action.field };
  return action.type === 'regMove' ? { ...action, type: 'copyField' } : action;
}
