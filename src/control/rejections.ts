import { switchesOf } from '../compiler/legs.ts';
import type { Declared } from '../model/declared.ts';
import type { DesiredSwitch } from '../model/desired.ts';
import type { Facts } from '../model/facts.ts';
import type { Dpid, Name, PathId } from '../model/ids.ts';
import type { PathRecord, Steering } from '../model/steering.ts';

type Refused = { readonly reason: string; readonly generation: number | undefined };

/**
 * Remembers which paths a switch has refused, so that they are not tried over and over. Refused are the
 * owner's paths that were not confirmed yet; where all were, the change was to them, and they are. An edit
 * of the chain clears the record: the new generation gets its own try.
 */
export class Rejections {
  readonly #refused = new Map<PathId, Refused>();
  readonly #generations = new Map<number, number>();

  observe(
    facts: Facts,
    steering: Steering,
    confirmed: ReadonlySet<PathId>,
    desired: ReadonlyMap<Dpid, DesiredSwitch>,
  ): void {
    for (const { dpid, rejections } of facts.switches.values()) {
      for (const { owner, digest, reason, flow } of rejections) {
        if (desired.get(dpid)?.owners.get(owner) !== digest) continue;
        const owned = [...steering.paths.values()].filter((path) => path.owner === owner);
        const unconfirmed = owned.filter((path) => !confirmed.has(path.id) && path.state.phase === 'staged');
        for (const path of unconfirmed.length > 0 ? unconfirmed : owned) {
          if (!this.#refused.has(path.id)) {
            this.#refused.set(path.id, {
              reason: `${reason} for ${flow}`,
              generation: this.#generationOf(path),
            });
          }
        }
      }
    }
  }

  #generationOf(path: PathRecord): number | undefined {
    return this.#generations.get(path.owner);
  }

  /** Gives the paths on one switch another try. */
  forget(switchName: Name, steering: Steering): void {
    for (const id of this.#refused.keys()) {
      const path = steering.paths.get(id);
      if (path && switchesOf(path).includes(switchName)) this.#refused.delete(id);
    }
  }

  /** Forgets what concerns paths that are gone or chains that have been edited since. */
  retain(steering: Steering, declared: Declared): void {
    for (const chain of declared.chains.values()) {
      const owner = steering.owners.get(chain.uid);
      if (owner !== undefined) this.#generations.set(owner, chain.generation);
    }
    for (const [id, { generation }] of this.#refused) {
      const path = steering.paths.get(id);
      if (!path || this.#generationOf(path) !== generation) this.#refused.delete(id);
    }
  }

  paths(): ReadonlySet<PathId> {
    return new Set(this.#refused.keys());
  }

  reasons(): ReadonlyMap<PathId, string> {
    return new Map([...this.#refused].map(([id, { reason }]) => [id, reason]));
  }
}
