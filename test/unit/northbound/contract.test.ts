import t from 'tap';
import type {
  Appliance,
  Attachment,
  BootSpec,
  ChainSpec,
  DedicatedHopSpec,
  Json,
  JsonObject,
  OnDemandSpec,
  OwnFunctionSpec,
  PoolSpec,
  Rewriting,
  ServiceMatch,
  SharedHopSpec,
  SubscriberSpec,
  SwitchSpec,
  UplinkSpec,
} from '../../../src/model/declared.ts';
import { ERRORS, type ErrorCode } from '../../../src/model/errors.ts';
import {
  DPID_PATTERN,
  type Dpid,
  type InstanceId,
  type Ipv4,
  type Ipv6,
  MAX_HOPS,
  type Mac,
  NAME_PATTERN,
  type Name,
} from '../../../src/model/ids.ts';
import { API_LIMITS } from '../../../src/model/limits.ts';
import { contract, schemaFaults } from '../../../src/northbound/contract.ts';
import { setUp } from './support.ts';

const { schemas } = contract.components;
type Schema = {
  pattern?: string;
  maxItems?: number;
  properties?: Record<string, Schema>;
  additionalProperties?: Json;
};
const schema = (name: string): Schema => (schemas[name] ?? {}) as Schema;
const propertiesOf = (name: string): Record<string, Schema> => schema(name).properties ?? {};

t.test('no route without a path in the contract, and no path without a route', async (t) => {
  const { northbound } = setUp(t);
  const routes = northbound.routes.map(({ path, methods }) => [
    path.replace(/:(\w+)/g, '{$1}'),
    // HEAD goes with every GET.
    methods.filter((method) => method !== 'HEAD'),
  ]);
  const paths = Object.entries(contract.paths).map(([path, item]) => [
    path,
    Object.keys(item)
      .filter((key) => ['get', 'put', 'post', 'delete', 'patch'].includes(key))
      .map((method) => method.toUpperCase())
      .sort(),
  ]);
  t.same(Object.fromEntries(routes), Object.fromEntries(paths));
});

t.test('each operation takes the query parameters of the contract, and no others', async (t) => {
  const { northbound } = setUp(t);
  type Parameter = { $ref?: string; in: string; name: string };
  const deref = (given: Parameter): Parameter =>
    given.$ref === undefined
      ? given
      : (contract.components.parameters[given.$ref.split('/').at(-1) ?? ''] as unknown as Parameter);
  for (const { path, methods, query } of northbound.routes) {
    const item = contract.paths[path.replace(/:(\w+)/g, '{$1}')] as unknown as Record<string, unknown>;
    for (const method of methods.filter((one) => one !== 'HEAD')) {
      const operation = item[method.toLowerCase()] as { parameters?: Parameter[] };
      const said = [...((item['parameters'] ?? []) as Parameter[]), ...(operation.parameters ?? [])]
        .map(deref)
        .filter((parameter) => parameter.in === 'query')
        .map(({ name }) => name);
      t.same([...(query[method] ?? [])].sort(), said.sort(), `${method} ${path}`);
    }
  }
});

t.test('every schema can be used, and objects take no unknown fields', async (t) => {
  for (const name of Object.keys(schemas)) {
    t.doesNotThrow(() => schemaFaults(name, null), name);
    if (schema(name).properties !== undefined) t.equal(schema(name).additionalProperties, false, name);
  }
});

t.test('examples satisfy the schemas that they are examples of', async (t) => {
  const examples = contract.components.examples;
  for (const [name, { value }] of Object.entries(examples))
    t.same(schemaFaults(name, value as Json), [], name);
});

t.test('every error that the API answers is in the contract, with an example that is right', async (t) => {
  const responses = contract.components.responses;
  const seen = new Set<string>();
  for (const response of Object.values(responses) as {
    content: Record<string, { examples: Record<string, { value: JsonObject }> }>;
  }[]) {
    for (const [code, { value }] of Object.entries(
      response.content['application/problem+json']?.examples ?? {},
    )) {
      seen.add(code);
      t.same(schemaFaults('Problem', value), [], code);
      t.match(value, { code, type: `/problems/${code}`, ...ERRORS[code as ErrorCode] }, code);
    }
  }
  // Errors of the start and of the parts behind the API, which are shown in a status.
  const elsewhere = ['bad-setting', 'ovsdb-failed', 'host-failed', 'webhook-refused', 'webhook-failed'];
  t.same([...seen, ...elsewhere].sort(), Object.keys(ERRORS).sort());
});

t.test('limits and patterns are those of the model', async (t) => {
  t.equal(schema('Name').pattern, NAME_PATTERN);
  t.equal(schema('Dpid').pattern, DPID_PATTERN);
  const { hops } = propertiesOf('ChainSpec');
  t.equal(hops?.maxItems, MAX_HOPS);
  t.match(contract.info.description, String(API_LIMITS.bodyBytes));
  t.match(contract.info.description, String(API_LIMITS.yamlBytes));
});

// Written with every field, so that the compiler finds what a schema has and a type has not, and the other
// way round.
type Full<T> = { [K in keyof T]-?: T[K] };
const attachment: Full<Attachment> = { switch: 's1' as Name, port: 'p1' };
const onDemand: Full<OnDemandSpec> = { firstPacket: 'pass', idleAfter: 60 };
const hop: Omit<Full<DedicatedHopSpec>, 'pool'> = {
  function: 'firewall' as Name,
  name: 'first' as Name,
  onFailure: 'open',
  tap: true,
  config: { a: [1] },
  onDemand,
};
const sharedHop: Omit<Full<SharedHopSpec>, 'function' | 'config' | 'onDemand'> = {
  pool: 'edge' as Name,
  name: 'first' as Name,
  onFailure: 'another',
  tap: true,
};
const twoArms: Omit<Full<Extract<Appliance, { left: string }>>, 'port'> = {
  name: 'a' as Name,
  weight: 2,
  left: 'p5',
  right: 'p6',
};
const oneArm: Appliance = { name: 'b' as Name, port: 'p7' };
const pool: Omit<Full<Extract<PoolSpec, { instances: number }>>, 'external'> = {
  name: 'edge' as Name,
  function: 'firewall' as Name,
  switch: 's1' as Name,
  instances: 3,
  config: {},
  drain: ['i1' as InstanceId],
};
const switchSpec: Full<SwitchSpec> = {
  name: 's1' as Name,
  dpid: '00000000000000ff' as Dpid,
  unchained: 'drop',
  ovsdb: 'tcp:127.0.0.1:6640',
  hostsInstances: false,
};
const subscriber: Full<SubscriberSpec> = {
  name: 'alice' as Name,
  attachment,
  mac: '02:00:00:00:00:01' as Mac,
  ipv4: ['10.0.0.1' as Ipv4],
  ipv6: ['2001:db8::1' as Ipv6],
  labels: { plan: 'gold' },
};
const uplink: Full<UplinkSpec> = { name: 'out' as Name, attachment };
const functionSpec: Full<Omit<OwnFunctionSpec, keyof Rewriting | 'external' | 'boot'>> & {
  readonly transparent: true;
} = {
  name: 'probe' as Name,
  description: '',
  image: 'probe.elf',
  sandbox: 'probe.sandbox',
  isolation: 'process',
  contract: 1,
  memoryMiB: 2,
  lists: '/lists',
  sends: '/export',
  transparent: true,
  vlanTransparent: true,
  configSchema: {},
  blank: {},
};
const boot: Full<BootSpec> = {
  machine: 'microvm',
  initrd: 'initrd.gz',
  commandLine: 'quiet',
  ready: { console: 'up' },
};
const service: Full<ServiceMatch> = {
  vlan: 5,
  etherType: 0x0800,
  protocol: 'tcp',
  dscp: 46,
  remote: '192.0.2.0/24',
  local: '10.0.0.1/32',
  remotePort: '8000-8099',
  localPort: 5000,
};
const named: ChainSpec = {
  name: 'c' as Name,
  hops: [hop],
  subscribers: ['alice' as Name],
  service: [service, { protocol: 47 }],
  priority: 5,
};
const selecting: ChainSpec = { name: 'c' as Name, hops: [hop], selector: { plan: 'gold' } };

/** What has some members or others. */
const EITHER = ['ChainSpec', 'HopSpec', 'Appliance', 'PoolSpec', 'FunctionSpec'];

t.test('types and schemas agree', async (t) => {
  const samples: [string, object][] = [
    ['Attachment', attachment],
    ['HopSpec', { ...hop, ...sharedHop }],
    ['Appliance', { ...twoArms, ...oneArm }],
    ['PoolSpec', { ...pool, external: [twoArms, oneArm] }],
    ['SwitchSpec', switchSpec],
    ['SubscriberSpec', subscriber],
    ['UplinkSpec', uplink],
    [
      'FunctionSpec',
      { ...functionSpec, transparent: false, rewrites: { external: '/address' }, external: true, boot },
    ],
    ['BootSpec', boot],
    ['ServiceMatch', service],
    ['ChainSpec', { ...named, ...selecting }],
  ];
  for (const [name, sample] of samples) {
    t.same(Object.keys(propertiesOf(name)).sort(), Object.keys(sample).sort(), `fields of ${name}`);
    if (!EITHER.includes(name)) t.same(schemaFaults(name, sample as Json), [], `${name} is accepted`);
  }
  for (const [name, one] of [
    ['Appliance', twoArms],
    ['Appliance', oneArm],
    ['PoolSpec', pool],
    ['PoolSpec', { name: 'edge', function: 'firewall', switch: 's1', external: [twoArms, oneArm] }],
    ['FunctionSpec', functionSpec],
    ['BootSpec', boot],
    ['BootSpec', { ready: { passes: true } }],
    ['FunctionSpec', { name: 'foreign', external: true, transparent: true, vlanTransparent: true }],
  ] as const)
    t.same(schemaFaults(name, one as Json), [], `${name} is accepted`);
  for (const one of [hop, sharedHop]) t.same(schemaFaults('HopSpec', one as Json), []);
  for (const chain of [named, selecting]) t.same(schemaFaults('ChainSpec', chain as unknown as Json), []);
});

t.test('what the types cannot say is refused by the schemas', async (t) => {
  const refused: [string, object, string][] = [
    ['SwitchSpec', { ...switchSpec, name: '-s1' }, '/name'],
    ['SwitchSpec', { ...switchSpec, dpid: 255 }, '/dpid'],
    ['SwitchSpec', { ...switchSpec, dpid: '00000000000000FF' }, '/dpid'],
    ['SwitchSpec', { ...switchSpec, unchained: 'flood' }, '/unchained'],
    ['SwitchSpec', { ...switchSpec, ovsdb: 'ptcp:host:1' }, '/ovsdb'],
    ['SubscriberSpec', { ...subscriber, mac: '02:00:00:00:00:0A' }, '/mac'],
    ['SubscriberSpec', { ...subscriber, mac: '01:00:00:00:00:01' }, '/mac'],
    ['SubscriberSpec', { ...subscriber, ipv4: '10.0.0.1' }, '/ipv4'],
    ['SubscriberSpec', { ...subscriber, ipv4: ['10.0.0.1/24'] }, '/ipv4/0'],
    ['SubscriberSpec', { ...subscriber, ipv4: ['10.0.0.1', '10.0.0.1'] }, '/ipv4'],
    ['SubscriberSpec', { ...subscriber, ipv6: ['fe80::1%eth0'] }, '/ipv6/0'],
    ['SubscriberSpec', { ...subscriber, labels: { '-a': 'x' } }, '/labels/-a'],
    ['SubscriberSpec', { ...subscriber, labels: { a: 1 } }, '/labels/a'],
    ['UplinkSpec', { ...uplink, attachment: { switch: 's1', port: 'a/b' } }, '/attachment/port'],
    ['UplinkSpec', { ...uplink, vlan: 5 }, '/vlan'],
    ['FunctionSpec', { ...functionSpec, image: '../x' }, '/image'],
    ['FunctionSpec', { ...functionSpec, contract: 2 }, '/contract'],
    ['FunctionSpec', { ...functionSpec, transparent: 'no' }, '/transparent'],
    ['FunctionSpec', { ...functionSpec, configSchema: true }, '/configSchema'],
    ['ChainSpec', { ...named, hops: [] }, '/hops'],
    ['ChainSpec', { ...named, hops: Array.from({ length: 17 }, () => hop) }, '/hops'],
    ['ChainSpec', { ...named, selector: { a: 'b' } }, ''],
    ['ChainSpec', { name: 'c', hops: [hop] }, ''],
    ['ChainSpec', { ...named, service: [] }, '/service'],
    ['ChainSpec', { ...named, service: [{}] }, '/service/0'],
    ['ChainSpec', { ...named, priority: 1000 }, '/priority'],
    ['ServiceMatch', { protocol: 'tpc' }, '/protocol'],
    ['ServiceMatch', { protocol: 256 }, '/protocol'],
    ['ServiceMatch', { remote: '10.0.0.1/8' }, '/remote'],
    ['ServiceMatch', { remotePort: 0 }, '/remotePort'],
    ['ServiceMatch', { remotePort: '80' }, '/remotePort'],
    ['ServiceMatch', { dscp: 64 }, '/dscp'],
    ['ServiceMatch', { vlan: 4095 }, '/vlan'],
    ['ChainSpec', { ...selecting, selector: {} }, '/selector'],
    ['HopSpec', { ...hop, onFailure: 'ajar' }, '/onFailure'],
    ['HopSpec', { ...hop, ...sharedHop }, ''],
    ['HopSpec', {}, ''],
    ['PoolSpec', { ...pool, instances: 0 }, '/instances'],
    ['PoolSpec', { ...pool, drain: ['one'] }, '/drain/0'],
    ['HopSpec', { ...hop, config: [] }, '/config'],
  ];
  for (const [name, value, pointer] of refused) {
    const faults = schemaFaults(name, value as Json);
    t.match(faults, [{ pointer }], `${name}: ${JSON.stringify(faults)}`);
    t.equal(faults.length, 1, `${name} ${pointer}: one fault, one sentence`);
  }
});
