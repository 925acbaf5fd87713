/** Subscribers for the benchmark of the API, all of them different and all on one switch. */
export function subscriber(index: number): object {
  const hex = index.toString(16).padStart(8, '0').match(/../g)?.join(':');
  return {
    name: `subscriber-${index}`,
    attachment: { switch: 's1', port: `p${index}` },
    mac: `02:00:${hex}`,
    ipv4: [`10.${(index >> 16) & 255}.${(index >> 8) & 255}.${index & 255}`],
    labels: { plan: index % 2 === 0 ? 'gold' : 'silver', site: `site-${index % 100}` },
  };
}

export const SWITCH = {
  name: 's1',
  dpid: '0000000000000001',
  unchained: 'normal',
  ovsdb: 'unix:/run/ovs/db.sock',
};
