/** Objects for the benchmarks, all of them different and all on one switch. */
export const CHAINS = 10;

/** @param chained whether one of the chains is for it */
export function subscriber(index: number, chained = false): object {
  const hex = index.toString(16).padStart(8, '0').match(/../g)?.join(':');
  return {
    name: `subscriber-${index}`,
    attachment: { switch: 's1', port: `p${index}` },
    mac: `02:00:${hex}`,
    ipv4: [`10.${(index >> 16) & 255}.${(index >> 8) & 255}.${index & 255}`],
    labels: {
      plan: index % 2 === 0 ? 'gold' : 'silver',
      site: `site-${index % 100}`,
      ...(chained ? { service: `service-${index % CHAINS}` } : {}),
    },
  };
}

export const SWITCH = {
  name: 's1',
  dpid: '0000000000000001',
  unchained: 'normal',
  ovsdb: 'unix:/run/ovs/db.sock',
};

export const POOLS = ['edge', 'core'].map((name) => ({
  name,
  function: 'counter',
  switch: 's1',
  instances: 4,
}));

export const chainOf = (index: number): object => ({
  name: `chain-${index}`,
  selector: { service: `service-${index}` },
  hops: POOLS.map(({ name }) => ({ pool: name })),
});
