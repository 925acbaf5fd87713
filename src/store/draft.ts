/**
 * Changes as they add up, one after the other, before any of them is written.
 */
import type { AuditAction } from '../model/audit.ts';
import type { Declared, Json, Kind, Specs, Stored } from '../model/declared.ts';
import { ChainstitchError } from '../model/errors.ts';
import type { Name } from '../model/ids.ts';
import { sameJson } from '../model/json.ts';
import { withObject, withoutObject } from '../model/object-map.ts';
import type { Change, Expectation, Outcome } from '../model/store.ts';
import { deepFreeze, frozenCopy } from './freeze.ts';
import type { AnyStored } from './objects.ts';

export type Write =
  | { readonly op: 'put'; readonly object: AnyStored }
  | { readonly op: 'delete'; readonly kind: Kind; readonly name: Name };

/** What a change tells the journal. */
export type Told = {
  readonly type: AuditAction;
  readonly object: AnyStored;
  readonly before: AnyStored | undefined;
};

export class Draft {
  readonly outcomes: Outcome[] = [];
  readonly writes: Write[] = [];
  readonly told: Told[] = [];
  readonly #at: string;
  readonly #takeUid: () => number;
  #declared: Declared;

  /** @param at what `createdAt` and `updatedAt` are to say */
  constructor(before: Declared, at: string, takeUid: () => number) {
    this.#declared = before;
    this.#at = at;
    this.#takeUid = takeUid;
  }

  /** Whether anything is different from before. */
  get isChanged(): boolean {
    return this.writes.length > 0;
  }

  declared(revision: number): Declared {
    return Object.freeze({ ...this.#declared, revision });
  }

  /** @throws ChainstitchError `precondition-failed`, `not-found` */
  apply(change: Change): void {
    const { kind } = change;
    const name = change.op === 'put' ? change.spec.name : change.name;
    const before = this.#declared[kind].get(name);
    if (change.expect !== undefined && !isMet(change.expect, before)) {
      throw new ChainstitchError(
        'precondition-failed',
        `${name} in ${kind} is not as the request expects it`,
      );
    }
    if (change.op === 'put') this.#put(kind, change.spec, before);
    else if (before !== undefined) this.#remove(before);
    else throw new ChainstitchError('not-found', `there is none in ${kind} that is called ${name}`);
  }

  #put<K extends Kind>(kind: K, given: Specs[K], before: AnyStored | undefined): void {
    const spec = frozenCopy(given);
    if (before !== undefined && sameJson(before.spec as Json, spec as Json)) {
      this.#note('unchanged', before, before);
      return;
    }
    const object = deepFreeze({
      kind,
      uid: before?.uid ?? this.#takeUid(),
      generation: (before?.generation ?? 0) + 1,
      createdAt: before?.createdAt ?? this.#at,
      updatedAt: this.#at,
      spec,
    }) as AnyStored;
    this.#declared = withObject(this.#declared, object);
    this.writes.push({ op: 'put', object });
    this.#note(before === undefined ? 'created' : 'replaced', object, before);
  }

  #remove(object: AnyStored): void {
    const { kind, spec } = object;
    this.#declared = withoutObject(this.#declared, kind, spec.name);
    this.writes.push({ op: 'delete', kind, name: spec.name });
    this.#note('deleted', object, object);
  }

  #note(action: Outcome['action'], object: AnyStored, before: AnyStored | undefined): void {
    const { kind, uid, generation, spec } = object;
    this.outcomes.push({ kind, name: spec.name, action, uid, generation });
    if (action !== 'unchanged') this.told.push({ type: action, object, before });
  }
}

function isMet(expected: Expectation, before: Stored<Kind> | undefined): boolean {
  if (expected === 'absent') return before === undefined;
  if (expected === 'present') return before !== undefined;
  return before?.uid === expected.uid && before.generation === expected.generation;
}
