import t, { type Test } from 'tap';
import { type Declared, KINDS, type Kind, type Specs, type Stored } from '../../../src/model/declared.ts';
import type { InstanceId, Name } from '../../../src/model/ids.ts';
import { withObject, withoutObject } from '../../../src/model/object-map.ts';
import {
  admitRemoval,
  admitSpec,
  type Refusal,
  type World,
} from '../../../src/northbound/admission/index.ts';
import { ALICE, CHAIN, FIREWALL, SWITCH, UPLINK } from './support.ts';

const BOB = {
  ...ALICE,
  name: 'bob',
  attachment: { switch: 's1', port: 'p2' },
  mac: '00:00:00:00:00:02',
  ipv4: ['10.0.0.2'],
  labels: { plan: 'gold' },
};
const S2 = { ...SWITCH, name: 's2', dpid: '0000000000000002' };
const PROBE = {
  ...FIREWALL,
  name: 'probe',
  configSchema: { type: 'object', properties: { every: { type: 'integer' } } },
};
const SHARED = { ...FIREWALL, name: 'shared' as Name, vlanTransparent: true };
const POOL = { name: 'edge', function: 'shared', switch: 's1', instances: 3, config: { default: 'deny' } };
type Objects = { readonly [K in Kind]?: readonly object[] };
const LAB: Objects = { switches: [SWITCH], uplinks: [UPLINK], subscribers: [ALICE, BOB] };

function world(...parts: readonly Objects[]): World {
  const maps = KINDS.map((kind) => {
    const specs = parts.flatMap((part) => part[kind] ?? []) as Specs[Kind][];
    const stored = specs.map(
      (spec) =>
        [spec.name, { kind, uid: 1, generation: 1, createdAt: '', updatedAt: '', spec }] as [
          Name,
          Stored<Kind>,
        ],
    );
    return [kind, new Map(stored)];
  });
  const declared = { revision: 1, ...Object.fromEntries(maps) } as Declared;
  return {
    declared,
    before: declared,
    whole: declared,
    builtIns: new Map([
      [FIREWALL.name, FIREWALL],
      [SHARED.name, SHARED],
    ]),
    poolOf: (id) => (['i1', 'i2', 'i3'].includes(id) ? ('edge' as Name) : undefined),
    holderOf: (_, port) => (port === 'p77' ? ('i7' as InstanceId) : undefined),
  };
}

/** Judges a spec among all that there would be. */
function admit({ before, ...rest }: World, kind: Kind, spec: object): Refusal | undefined {
  const stored = { kind, uid: 9, generation: 1, createdAt: '', updatedAt: '', spec } as Stored<Kind>;
  return admitSpec({ ...rest, declared: withObject(before, stored), before }, kind, spec as Specs[Kind]);
}

function remove({ before, ...rest }: World, kind: Kind, name: string): Refusal | undefined {
  return admitRemoval(
    { ...rest, declared: withoutObject(before, kind, name as Name), before },
    kind,
    name as Name,
  );
}

function accepts(t: Test, what: string, kind: Kind, spec: object, ...parts: Objects[]): void {
  t.equal(admit(world(...parts), kind, spec), undefined, what);
}

function refuses(t: Test, kind: Kind, spec: object, code: string, fault: string, ...parts: Objects[]): void {
  const refusal = admit(world(...parts), kind, spec);
  const faults = refusal?.faults.map(({ pointer, detail }) => `${pointer}: ${detail}`);
  t.equal(refusal?.code, code, fault);
  t.ok(faults?.includes(fault), fault, { faults });
}

const chain = (rest: object) => ({ ...CHAIN, ...rest });
const hop = (rest: object = {}) => ({ function: 'firewall', config: { default: 'deny' }, ...rest });

t.test('switches', async (t) => {
  accepts(t, 'the first', 'switches', SWITCH);
  accepts(t, 'the same again', 'switches', SWITCH, LAB);
  accepts(t, 'another datapath id', 'switches', { ...SWITCH, dpid: S2.dpid }, LAB);
  refuses(
    t,
    'switches',
    { ...S2, dpid: SWITCH.dpid },
    'conflict',
    '/dpid: switch s1 has this datapath id',
    LAB,
  );
});

/** A subscriber with the addresses of Alice, behind another uplink. */
const TWIN: Objects = {
  switches: [{ ...SWITCH, name: 's3', dpid: '0000000000000003' }],
  uplinks: [{ ...UPLINK, name: 'u3', attachment: { switch: 's3', port: 'p9' } }],
  subscribers: [{ ...ALICE, name: 'twin', attachment: { switch: 's3', port: 'p1' } }],
};

t.test('uplinks', async (t) => {
  accepts(t, 'the first', 'uplinks', UPLINK, { switches: [SWITCH] });
  accepts(t, 'to another port', 'uplinks', { ...UPLINK, attachment: { switch: 's1', port: 'p8' } }, LAB);
  refuses(
    t,
    'uplinks',
    UPLINK,
    'unknown-reference',
    '/attachment/switch: there is no switch s1; did you mean s2?',
    { switches: [S2] },
  );
  refuses(
    t,
    'uplinks',
    { ...UPLINK, name: 'b' },
    'conflict',
    '/attachment/switch: uplink out is on this switch, and a switch has one',
    LAB,
  );
  const onAlice = { ...UPLINK, attachment: ALICE.attachment };
  refuses(
    t,
    'uplinks',
    onAlice,
    'conflict',
    '/attachment/port: subscriber alice is attached to this port',
    LAB,
  );
  const moved = { ...UPLINK, attachment: { switch: 's2', port: 'p9' } };
  accepts(t, 'to another switch', 'uplinks', moved, LAB, { switches: [S2] });
  refuses(
    t,
    'uplinks',
    moved,
    'conflict',
    `/attachment/switch: subscriber alice of s1 and twin of s3 have ${ALICE.mac} both, and only the uplinks of their switches tell them apart`,
    LAB,
    TWIN,
    { switches: [S2] },
  );
});

t.test('subscribers', async (t) => {
  const put = (rest: object) => ({
    ...ALICE,
    name: 'carol',
    attachment: { switch: 's1', port: 'p3' },
    mac: '00:00:00:00:00:03',
    ipv4: ['10.0.0.3'],
    ...rest,
  });
  accepts(t, 'another one on another port', 'subscribers', put({}), LAB);
  refuses(
    t,
    'subscribers',
    put({ attachment: ALICE.attachment }),
    'conflict',
    '/attachment/port: subscriber alice is attached to this port',
    LAB,
  );
  const elsewhere = { ...ALICE, name: 'carol', attachment: { switch: 's2', port: 'p1' } };
  const S2_UPLINK = { ...UPLINK, name: 'u2', attachment: { switch: 's2', port: 'p9' } };
  accepts(t, 'the same addresses behind another uplink', 'subscribers', elsewhere, LAB, {
    switches: [S2],
    uplinks: [S2_UPLINK],
  });
  refuses(
    t,
    'subscribers',
    elsewhere,
    'conflict',
    '/mac: subscriber alice of s1 has it; that can be where s2 and s1 have an uplink each',
    LAB,
    { switches: [S2] },
  );
  accepts(t, 'an IPv6 address', 'subscribers', put({ ipv6: ['2001:db8::1', 'fe80::1'] }), LAB);
  const cases: [object, string, string][] = [
    [
      { attachment: { switch: 's3', port: 'p1' } },
      'unknown-reference',
      '/attachment/switch: there is no switch s3; did you mean s1?',
    ],
    [{ attachment: UPLINK.attachment }, 'conflict', '/attachment/port: uplink out is on this port'],
    [{ mac: ALICE.mac }, 'conflict', '/mac: subscriber alice of this switch has it'],
    [{ ipv4: ['10.0.0.9', '10.0.0.2'] }, 'conflict', '/ipv4/1: subscriber bob of this switch has it'],
    [{ mac: '00:00:00:00:00:00' }, 'invalid-body', '/mac: is no address of a device'],
    [{ ipv4: ['127.0.0.1'] }, 'invalid-body', '/ipv4/0: is a loopback address'],
    [{ ipv4: ['0.0.0.0'] }, 'invalid-body', '/ipv4/0: is in 0.0.0.0/8, which no host has'],
    [{ ipv4: ['224.0.0.1'] }, 'invalid-body', '/ipv4/0: is no unicast address'],
    [{ ipv6: ['ff02::1'] }, 'invalid-body', '/ipv6/0: is a multicast address'],
    [{ ipv6: ['::1'] }, 'invalid-body', '/ipv6/0: is unspecified, loopback or an IPv4 address in disguise'],
    [
      { ipv6: ['2001:DB8:0::1'] },
      'invalid-body',
      '/ipv6/0: has to be written as RFC 5952 recommends: 2001:db8::1',
    ],
  ];
  for (const [rest, code, fault] of cases) refuses(t, 'subscribers', put(rest), code, fault, LAB);
});

t.test('pools', async (t) => {
  const put = (rest: object) => ({ ...POOL, ...rest });
  const lab = [LAB, { switches: [S2], pools: [POOL] }] as const;
  accepts(t, 'a new one', 'pools', POOL, LAB);
  accepts(t, 'another size, with one drained', 'pools', put({ instances: 2, drain: ['i2'] }), ...lab);
  refuses(
    t,
    'pools',
    put({ function: 'firewall' }),
    'conflict',
    '/function: firewall does not declare `vlanTransparent`: subscribers that share an instance are told apart by VLAN tags',
    LAB,
  );
  refuses(
    t,
    'pools',
    put({ switch: 's2' }),
    'conflict',
    '/switch: is s1 and stays so; make another pool',
    ...lab,
  );
  refuses(
    t,
    'pools',
    put({ switch: 's3' }),
    'unknown-reference',
    '/switch: there is no switch s3; did you mean s1?',
    LAB,
  );
  refuses(t, 'pools', put({ config: {} }), 'invalid-config', '/config: the field `default` is missing', LAB);
  const stranger = put({ drain: ['i1', 'i9'] });
  refuses(t, 'pools', stranger, 'unknown-reference', '/drain/1: instance i9 is not in this pool', ...lab);
  const sharing = chain({ hops: [{ pool: 'edge' }] });
  accepts(t, 'a chain with it', 'chains', sharing, ...lab);
  const [inUse] = [{ chains: [sharing] }];
  t.match(remove(world(...lab, inUse), 'pools', 'edge'), {
    code: 'in-use',
    faults: [{ detail: 'chain c has a hop of it' }],
  });
  t.match(remove(world(LAB, { pools: [POOL] }), 'switches', 's1'), {
    faults: [{}, {}, {}, { detail: 'pool edge is on it' }],
  });
  const hops = (...list: object[]) => chain({ hops: list });
  refuses(
    t,
    'chains',
    hops({ pool: 'egde' }),
    'unknown-reference',
    '/hops/0/pool: there is no pool egde; did you mean edge?',
    ...lab,
  );
  const twice = hops({ pool: 'edge' }, hop(), { pool: 'edge', name: 'again' });
  refuses(
    t,
    'chains',
    twice,
    'invalid-body',
    '/hops/2/pool: is the pool of hop 0 too; a chain meets a pool once',
    ...lab,
  );
  const configured = hops({ pool: 'edge', config: {} });
  refuses(
    t,
    'chains',
    configured,
    'invalid-body',
    "/hops/0/config: is the pool's to have, and not the hop's",
    ...lab,
  );
  const other = hops(hop({ onFailure: 'another' }));
  const why =
    '/hops/0/onFailure: goes with `pool` only: an instance of one subscriber has no other beside it';
  refuses(t, 'chains', other, 'invalid-body', why, ...lab);
  const away = { ...BOB, attachment: { switch: 's2', port: 'p2' } };
  accepts(t, 'a pool on another switch', 'subscribers', away, ...lab, {
    chains: [{ ...sharing, subscribers: ['bob'] }],
  });
});

t.test('services of one subscriber that can meet in a frame need priorities that differ', async (t) => {
  const web = { ...CHAIN, name: 'web', service: [{ protocol: 'tcp', remotePort: '80-443' }] };
  const lab = [LAB, { chains: [CHAIN, web] }] as const;
  const other = (more: object) => ({ ...CHAIN, name: 'other', ...more });
  accepts(t, 'beside the chain for everything else', 'chains', web, LAB, { chains: [CHAIN] });
  accepts(t, 'other ports', 'chains', other({ service: [{ protocol: 'tcp', remotePort: 53 }] }), ...lab);
  accepts(t, 'another priority', 'chains', other({ service: [{ dscp: 46 }], priority: 1 }), ...lab);
  accepts(t, 'for somebody else', 'chains', other({ service: [{ dscp: 46 }], subscribers: ['bob'] }), ...lab);
  const detail =
    'subscriber alice is in chain web too, which has priority 0 as well and can match the same frames as service 1 here; let one have another `priority`';
  const voice = other({ service: [{ protocol: 'udp' }, { dscp: 46 }] });
  refuses(t, 'chains', voice, 'conflict', `/subscribers/0: ${detail}`, ...lab);
  refuses(
    t,
    'chains',
    {
      name: 'gold',
      selector: { plan: 'gold' },
      hops: [hop()],
      service: [{ protocol: 'tcp', remotePort: 443 }],
    },
    'conflict',
    '/selector: subscriber bob is in chain web too, which has priority 0 as well and can match the same frames as service 0 here; let one have another `priority`',
    LAB,
    { chains: [{ ...web, subscribers: ['bob'] }] },
  );
  refuses(
    t,
    'subscribers',
    { ...ALICE, labels: { plan: 'gold' } },
    'conflict',
    '/labels: it would be in the chains web and gold, which can want the same frames; give one another `priority`, or a `service` that differs',
    LAB,
    {
      chains: [
        web,
        { name: 'gold', selector: { plan: 'gold' }, hops: [hop()], service: [{ protocol: 'tcp' }] },
      ],
    },
  );
});

t.test('a match that nothing can satisfy is refused with what is wrong in it', async (t) => {
  const cases: [object, string][] = [
    [{ remotePort: 80 }, '/remotePort: needs `protocol` to be tcp, udp or sctp: no other has ports'],
    [
      { protocol: 'icmp', localPort: 80 },
      '/localPort: needs `protocol` to be tcp, udp or sctp: no other has ports',
    ],
    [
      { protocol: 'tcp', remotePort: '90-80' },
      '/remotePort: has to be a range from a lower to a higher port of 1 to 65535',
    ],
    [
      { protocol: 'tcp', remotePort: '1-70000' },
      '/remotePort: has to be a range from a lower to a higher port of 1 to 65535',
    ],
    [
      { remote: '10.0.0.0/8', local: '2001:db8::/32' },
      ': asks for IPv4 and for IPv6 at once, and no frame is both',
    ],
    [
      { protocol: 'icmpv6', remote: '10.0.0.0/8' },
      ': asks for IPv4 and for IPv6 at once, and no frame is both',
    ],
    [
      { etherType: 0x0806, dscp: 1 },
      '/etherType: is not that of IP (0x0800 or 0x86dd), and the match asks for more of IP',
    ],
    [{ etherType: 0x8100 }, '/etherType: is that of a VLAN tag; ask for the tag by `vlan`'],
  ];
  for (const [match, fault] of cases)
    refuses(t, 'chains', chain({ service: [{ vlan: 5 }, match] }), 'invalid-body', `/service/1${fault}`, LAB);
  refuses(
    t,
    'chains',
    chain({ service: [{ protocol: 'tcp', remotePort: '1-65534', localPort: '1-65534' }] }),
    'invalid-body',
    '/service: takes 1800 matches of a switch for each subscriber and may take 256; port ranges take fewest where they begin and end at multiples of powers of two',
    LAB,
  );
  const noService = chain({ priority: 5 });
  const fault =
    '/priority: goes with `service` only: the chain for everything else is asked last in any case';
  refuses(t, 'chains', noService, 'invalid-body', fault, LAB);
});

t.test('a subscriber is in at most one chain without a service, also when labels change', async (t) => {
  const gold = { name: 'gold', selector: { plan: 'gold' }, hops: [hop()] };
  const lab = [LAB, { chains: [CHAIN, gold] }] as const;
  accepts(t, 'stays in its chain', 'subscribers', ALICE, ...lab);
  refuses(
    t,
    'subscribers',
    { ...ALICE, labels: { plan: 'gold' } },
    'conflict',
    '/labels: it would be in the chains c and gold, which can want the same frames; give one another `priority`, or a `service` that differs',
    ...lab,
  );
  refuses(
    t,
    'chains',
    chain({ name: 'd' }),
    'conflict',
    '/subscribers/0: subscriber alice is in chain c too, and may be in one without a `service` only',
    ...lab,
  );
  refuses(
    t,
    'chains',
    chain({ name: 'd', subscribers: ['bob'] }),
    'conflict',
    '/subscribers/0: subscriber bob is in chain gold too, and may be in one without a `service` only',
    ...lab,
  );
  refuses(
    t,
    'chains',
    { ...gold, name: 'all', selector: { plan: 'gold' } },
    'conflict',
    '/selector: subscriber bob is in chain gold too, and may be in one without a `service` only',
    ...lab,
  );
  accepts(
    t,
    'a selector that meets nobody',
    'chains',
    { ...gold, name: 'tin', selector: { plan: 'tin' } },
    ...lab,
  );
  accepts(t, 'from names to a selector', 'chains', { ...gold, name: 'c', selector: { plan: 'tin' } }, ...lab);
});

t.test('a subscriber of a chain needs an uplink', async (t) => {
  const { uplinks: _, ...without } = LAB;
  const fault = '/subscribers/0: no switch has an uplink that alice could use; POST one to /v1/uplinks first';
  refuses(t, 'chains', CHAIN, 'conflict', fault, without);
  accepts(
    t,
    'a selector can wait for one',
    'chains',
    { name: 'g', selector: { plan: 'gold' }, hops: [hop()] },
    without,
  );
  const moved = { ...ALICE, attachment: { switch: 's2', port: 'p1' } };
  accepts(t, 'on another switch', 'subscribers', moved, LAB, { switches: [S2], chains: [CHAIN] });
});

t.test('hops', async (t) => {
  accepts(t, 'a chain', 'chains', CHAIN, LAB);
  accepts(t, 'the same function twice', 'chains', chain({ hops: [hop(), hop()] }), LAB);
  const cases: [object, string, string][] = [
    [
      { hops: [hop(), hop({ name: 'firewall-1' })] },
      'invalid-body',
      '/hops/1: hop 0 is called firewall-1 too; give one another `name`',
    ],
    [
      { hops: [hop({ function: 'firewal' })] },
      'unknown-reference',
      '/hops/0/function: there is no function firewal; did you mean firewall?',
    ],
    [
      { subscribers: ['alicia'] },
      'unknown-reference',
      '/subscribers/0: there is no subscriber alicia; did you mean alice?',
    ],
    [
      { hops: [{ function: 'firewall' }] },
      'invalid-config',
      '/hops/0/config: the field `default` is missing',
    ],
    [
      { hops: [hop({ config: { default: 'maybe' } })] },
      'invalid-config',
      '/hops/0/config/default: has to be one of "deny", "allow"',
    ],
    [
      { hops: [hop({ config: { default: 'deny', rules: [{ deny: {} }, { allow: { port: 65536 } }] } })] },
      'invalid-config',
      '/hops/0/config/rules/1/allow/port: has to be at most 65535',
    ],
    [
      { hops: [hop({ config: { default: 'deny', rules: [{ allow: { from: '10.0.0.1/24' } }] } })] },
      'invalid-config',
      '/hops/0/config/rules/0/allow/from: has to be an IPv4 prefix, such as 192.0.2.0/24, or an IPv6 prefix, such as 2001:db8::/32',
    ],
  ];
  for (const [rest, code, fault] of cases) refuses(t, 'chains', chain(rest), code, fault, LAB);
});

t.test('functions', async (t) => {
  accepts(t, 'a new one', 'functions', PROBE, LAB);
  refuses(
    t,
    'functions',
    { ...PROBE, name: 'firewall' },
    'built-in',
    '/name: firewall is the name of a built-in function',
    LAB,
  );
  const using = {
    functions: [PROBE],
    chains: [chain({ hops: [hop({ function: 'probe', config: { every: 5 } })] })],
  };
  accepts(t, 'one that goes on accepting', 'functions', { ...PROBE, description: 'x' }, LAB, using);
  refuses(
    t,
    'functions',
    { ...PROBE, isolation: 'process' },
    'invalid-body',
    '/isolation: is process, and `sandbox` does not name the file of a function that runs as one',
    LAB,
  );
  accepts(t, 'a process', 'functions', { ...PROBE, sandbox: 'probe.sandbox', isolation: 'process' }, LAB);
  const narrower = {
    ...PROBE,
    configSchema: { type: 'object', properties: { every: { type: 'integer', maximum: 4 } } },
  };
  refuses(
    t,
    'functions',
    narrower,
    'conflict',
    '/configSchema: chain c has a config that it would not accept: /hops/0/config/every has to be at most 4',
    LAB,
    using,
  );
});

t.test('what is needed stays', async (t) => {
  const using = [
    LAB,
    { switches: [S2], functions: [PROBE], chains: [chain({ hops: [hop({ function: 'probe' })] })] },
  ] as const;
  const removal = (kind: Kind, name: string) => {
    return remove(world(...using), kind, name);
  };
  const needs = (kind: Kind, name: string) => removal(kind, name)?.faults.map(({ detail }) => detail);
  t.same(needs('switches', 's1'), [
    'subscriber alice is attached to it',
    'subscriber bob is attached to it',
    'uplink out is attached to it',
  ]);
  t.same(needs('uplinks', 'out'), ['chain c needs it for subscriber alice']);
  t.equal(
    remove(world(...using, { uplinks: TWIN.uplinks ?? [] }), 'uplinks', 'out'),
    undefined,
    'one is left',
  );
  t.match(remove(world(...using, TWIN), 'uplinks', 'out'), { code: 'in-use' }, 'two would be mistaken');
  t.same(needs('functions', 'probe'), ['chain c has a hop of it']);
  t.same(needs('subscribers', 'alice'), ['chain c names it']);
  t.match(removal('switches', 's1'), { code: 'in-use' });
  t.match(removal('functions', 'firewall'), { code: 'built-in' });
  for (const [kind, name] of [
    ['switches', 's2'],
    ['subscribers', 'bob'],
    ['chains', 'c'],
  ] as const) {
    t.equal(removal(kind, name), undefined, `${kind} ${name} can go`);
  }
});

const NAT = {
  ...FIREWALL,
  name: 'nat',
  transparent: false,
  rewrites: { external: '/address' },
  configSchema: { type: 'object' },
};
const natted = (rest: object = {}, address: unknown = '192.0.2.1') =>
  chain({ hops: [hop(), { function: 'nat', config: { address } }], ...rest });

t.test('functions that rewrite', async (t) => {
  const lab: Objects = { ...LAB, functions: [NAT] };
  accepts(t, 'one', 'functions', NAT);
  accepts(t, 'one subscriber', 'chains', natted(), lab);
  accepts(t, 'beside another with another address', 'chains', natted(), lab, {
    chains: [natted({ name: 'd', subscribers: ['bob'] }, '192.0.2.2')],
  });
  refuses(
    t,
    'functions',
    { ...NAT, rewrites: undefined },
    'invalid-body',
    '/transparent: is false, and `rewrites` does not say by which address it is known',
  );
  refuses(
    t,
    'functions',
    { ...NAT, transparent: true },
    'invalid-body',
    '/transparent: is true, and `rewrites` says that frames are changed; let it be false',
  );
  const nested = { functions: [{ ...NAT, rewrites: { external: '/outside/address' } }] };
  const outside = (config: object) => natted({ hops: [{ function: 'nat', config }] });
  accepts(t, 'further down', 'chains', outside({ outside: { address: '192.0.2.1' } }), { ...lab, ...nested });
  for (const config of [{}, { outside: '192.0.2.1' }, { outside: [] }, { outside: {} }])
    refuses(
      t,
      'chains',
      outside(config),
      'invalid-config',
      '/hops/0/config/outside/address: is missing; it is the address by which nat is known at the uplink',
      { ...lab, ...nested },
    );
  for (const [address, why] of [
    [undefined, 'is missing'],
    ['192.0.2.0/24', 'has to be an IPv4 address, such as 192.0.2.1'],
    ['224.0.0.1', 'is no unicast address'],
  ])
    refuses(
      t,
      'chains',
      natted({ hops: [{ function: 'nat', config: address === undefined ? {} : { address } }] }),
      'invalid-config',
      `/hops/0/config/address: ${why}; it is the address by which nat is known at the uplink`,
      lab,
    );
  refuses(
    t,
    'chains',
    natted({ hops: [{ function: 'nat', config: { address: '192.0.2.1' }, onFailure: 'open' }] }),
    'conflict',
    '/hops/0/onFailure: nat rewrites addresses: passed over, it would let out packets that nobody can answer',
    lab,
  );
  const each = 'hop 1 is known at the uplink by 192.0.2.1, and each subscriber has an instance of its own';
  refuses(
    t,
    'chains',
    natted({ subscribers: ['alice', 'bob'] }),
    'conflict',
    `/subscribers: ${each}; name one subscriber`,
    lab,
  );
  refuses(
    t,
    'chains',
    natted({ subscribers: undefined, selector: { plan: 'gold' } }),
    'conflict',
    `/selector: ${each}; name one subscriber`,
    lab,
  );
  refuses(
    t,
    'chains',
    natted(),
    'conflict',
    '/hops/1/config/address: chain d is known at the uplink by 192.0.2.1 too',
    lab,
    { chains: [natted({ name: 'd', subscribers: ['bob'] })] },
  );
  refuses(
    t,
    'chains',
    natted({}, '10.0.0.2'),
    'conflict',
    '/hops/1/config/address: subscriber bob has the address 10.0.0.2',
    lab,
  );
  refuses(
    t,
    'subscribers',
    { ...BOB, ipv4: ['192.0.2.1'] },
    'conflict',
    '/ipv4/0: chain c is known at the uplink by it',
    lab,
    { chains: [natted()] },
  );
  const deep = { ...lab, ...nested };
  const another = (name: string, subscriber: string) => ({
    ...outside({ outside: { address: '192.0.2.1' } }),
    name,
    subscribers: [subscriber],
  });
  refuses(
    t,
    'chains',
    another('c', 'alice'),
    'conflict',
    '/hops/0/config/outside/address: chain d is known at the uplink by 192.0.2.1 too',
    deep,
    { chains: [another('d', 'bob')] },
  );
  refuses(
    t,
    'subscribers',
    { ...BOB, ipv4: ['192.0.2.1'] },
    'conflict',
    '/ipv4/0: chain c is known at the uplink by it',
    deep,
    { chains: [another('c', 'alice')] },
  );
  refuses(
    t,
    'functions',
    { ...NAT, rewrites: { external: '/other' } },
    'conflict',
    '/rewrites: chain c has a hop of it, and relies on whether and how it rewrites',
    lab,
    { chains: [natted()] },
  );
  refuses(
    t,
    'pools',
    { ...POOL, function: 'nat' },
    'conflict',
    '/function: nat rewrites addresses: what comes from the uplink to an address that many share does not say whose it is',
    lab,
  );
});

const FOREIGN = { name: 'foreign', external: true, transparent: true, vlanTransparent: true };
const MACHINES = {
  name: 'machines',
  function: 'foreign',
  switch: 's1',
  external: [
    { name: 'a', left: 'p5', right: 'p6', weight: 2 },
    { name: 'b', port: 'p7' },
  ],
};

t.test('machines of somebody else’s', async (t) => {
  const lab: Objects = { ...LAB, functions: [FOREIGN] };
  const put = (...external: object[]) => ({ ...MACHINES, external });
  accepts(t, 'a function', 'functions', FOREIGN);
  accepts(t, 'a pool', 'pools', MACHINES, lab);
  accepts(t, 'the same with another weight', 'pools', put({ name: 'b', port: 'p7', weight: 3 }), lab, {
    pools: [MACHINES],
  });
  accepts(t, 'a chain', 'chains', chain({ hops: [{ pool: 'machines' }] }), lab, { pools: [MACHINES] });
  const refusals: [Kind, object, string, string][] = [
    ['functions', { ...FOREIGN, memoryMiB: 8 }, 'invalid-body', '/memoryMiB: does not go with `external`'],
    [
      'functions',
      { ...FOREIGN, vlanTransparent: false },
      'invalid-body',
      '/vlanTransparent: has to be true with `external`: frames come back with the tag that tells whose they are',
    ],
    [
      'pools',
      { ...POOL, external: MACHINES.external, instances: undefined, config: { default: 'deny' } },
      'conflict',
      '/function: is run by the controller: say by `instances` how many',
    ],
    [
      'pools',
      { ...POOL, function: 'foreign', config: undefined },
      'conflict',
      '/function: is external: name its machines by `external`',
    ],
    [
      'pools',
      { ...MACHINES, config: { a: 1 } },
      'invalid-config',
      '/config/a: there is no field `a` here; there are none',
    ],
    [
      'pools',
      put({ name: 'a', port: 'p5' }, { name: 'a', port: 'p6' }),
      'invalid-body',
      '/external/1/name: is the name of another one here',
    ],
    [
      'pools',
      put({ name: 'a', port: 'p5' }, { name: 'b', left: 'p6', right: 'p5' }),
      'invalid-body',
      '/external/1/right: is a port of /external/0 too',
    ],
    [
      'pools',
      put({ name: 'a', port: 'p1' }),
      'conflict',
      '/external/0/port: subscriber alice is on this port',
    ],
    [
      'pools',
      put({ name: 'a', left: 'p5', right: 'p9' }),
      'conflict',
      '/external/0/right: uplink out is on this port',
    ],
    [
      'pools',
      put({ name: 'a', port: 'p77' }),
      'conflict',
      '/external/0/port: instance i7 is on this port until what is under way there is done; try again after that',
    ],
    [
      'subscribers',
      { ...BOB, attachment: { switch: 's1', port: 'p77' } },
      'conflict',
      '/attachment/port: instance i7 is on this port until what is under way there is done; try again after that',
    ],
    [
      'chains',
      chain({ hops: [{ function: 'foreign' }] }),
      'conflict',
      '/hops/0/function: foreign is external: its instances are in pools; name a `pool` of it',
    ],
  ];
  for (const [kind, spec, code, fault] of refusals) refuses(t, kind, spec, code, fault, lab);
  const there: Objects = { pools: [MACHINES] };
  const others: [Kind, object, string][] = [
    [
      'pools',
      put({ name: 'a', left: 'p6', right: 'p5' }),
      '/external/0: a is at p5 and p6 and stays there; take it out and give it another name',
    ],
    [
      'pools',
      { ...put({ name: 'c', port: 'p7' }), name: 'more' },
      '/external/0/port: pool machines is on this port',
    ],
    [
      'subscribers',
      { ...BOB, attachment: { switch: 's1', port: 'p5' } },
      '/attachment/port: a machine of pool machines is on this port',
    ],
    [
      'uplinks',
      { ...UPLINK, attachment: { switch: 's1', port: 'p7' } },
      '/attachment/port: a machine of pool machines is on this port',
    ],
    [
      'functions',
      { ...SHARED, name: 'foreign' },
      "/external: pool machines is of it, and its instances are machines of somebody else's",
    ],
  ];
  for (const [kind, spec, fault] of others) refuses(t, kind, spec, 'conflict', fault, lab, there);
});

t.test('taps', async (t) => {
  const sender = { ...FIREWALL, name: 'sender', sends: '/export', configSchema: { type: 'object' } };
  const lab: Objects = { ...LAB, functions: [NAT, sender] };
  const tap = (rest: object) => chain({ hops: [hop({ tap: true, ...rest }), hop()] });
  accepts(t, 'one', 'chains', tap({}), lab);
  accepts(t, 'nothing else', 'chains', chain({ hops: [hop({ tap: true })] }), lab);
  accepts(t, 'one that could send', 'chains', tap({ function: 'sender', config: {} }), lab);
  const refusals: [object, string][] = [
    [
      { onFailure: 'closed' },
      '/hops/0/onFailure: does not go with `tap`: packets pass whatever becomes of it',
    ],
    [{ onDemand: {} }, '/hops/0/onDemand: does not go with `tap`: no packet would wake it'],
    [
      { function: 'nat', config: { address: '192.0.2.1' } },
      '/hops/0/tap: does not go with nat, which rewrites addresses: what it gives out goes nowhere',
    ],
    [
      { function: 'sender', config: { export: {} } },
      '/hops/0/config/export: does not go with `tap`: what a tap gives out goes nowhere',
    ],
  ];
  for (const [rest, fault] of refusals) refuses(t, 'chains', tap(rest), 'conflict', fault, lab);

  const pooled: Objects = { ...LAB, functions: [SHARED], pools: [POOL] };
  const [onTheWay, beside] = [{ hops: [{ pool: 'edge' }] }, { hops: [{ pool: 'edge', tap: true }] }];
  const bobs = (rest: object): Objects => ({ chains: [chain({ name: 'd', subscribers: ['bob'], ...rest })] });
  accepts(t, 'a pool that is a tap elsewhere', 'chains', chain(beside), pooled, bobs(beside));
  accepts(t, 'a change of the only chain', 'chains', chain(beside), pooled, { chains: [chain(onTheWay)] });
  const all = 'another chain already, and it is one or the other for all; use another pool';
  for (const [wanted, there, fault] of [
    [beside, onTheWay, `/hops/0/tap: pool edge is on the way of ${all}`],
    [onTheWay, beside, `/hops/0/pool: pool edge is a tap of ${all}`],
  ] as const)
    refuses(t, 'chains', chain(wanted), 'conflict', fault, pooled, bobs(there));
});
