/**
 * Places of which there are so many: for requests that wait, and for streams. No tenant can take all of them, nor all
 * tenants together those that are kept for the operator.
 */
import { ChainstitchError } from '../model/errors.ts';
import type { Name } from '../model/ids.ts';

/** One place; it has to be given back. */
export type Place = { free(): void };

export type Room = {
  readonly places: number;
  /** For one tenant, and for all tenants together. */
  readonly perTenant: number;
  readonly tenants: number;
};

export class Places {
  readonly #room: Room;
  /** What is told where there is none left, after the number: `requests wait already`. */
  readonly #what: string;
  readonly #byTenant = new Map<Name, number>();
  #taken = 0;
  #takenByTenants = 0;

  constructor(room: Room, what: string) {
    this.#room = room;
    this.#what = what;
  }

  get taken(): number {
    return this.#taken;
  }

  /** @param tenant absent for the operator @throws ChainstitchError `too-many-waiters` */
  take(tenant?: Name): Place {
    const { places, perTenant, tenants } = this.#room;
    if (this.#taken >= places) throw this.#full(places, '');
    if (tenant !== undefined) {
      const own = this.#byTenant.get(tenant) ?? 0;
      if (own >= perTenant) throw this.#full(perTenant, ` for ${tenant}`);
      if (this.#takenByTenants >= tenants) throw this.#full(tenants, ' for tenants');
    }
    this.#count(tenant, 1);
    let isFree = false;
    return {
      free: () => {
        if (!isFree) this.#count(tenant, -1);
        isFree = true;
      },
    };
  }

  #count(tenant: Name | undefined, by: 1 | -1): void {
    this.#taken += by;
    if (tenant === undefined) return;
    this.#takenByTenants += by;
    const own = (this.#byTenant.get(tenant) ?? 0) + by;
    if (own === 0) this.#byTenant.delete(tenant);
    else this.#byTenant.set(tenant, own);
  }

  #full(number: number, whose: string): ChainstitchError {
    return new ChainstitchError(
      'too-many-waiters',
      `${number} ${this.#what}${whose}, and that is all there may be`,
    );
  }
}
