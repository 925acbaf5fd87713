/**
 * What bench/one-more.ts asks: the controller with everything but instances, which are said to be ready at once, and
 * beside it an Open vSwitch of its own. The ports of the subscribers are made up, since so many real ones are more
 * than an ovs-vswitchd can take. Prints a line of JSON once every chain is active. Arguments: how many subscribers are
 * declared, and how many of them chains select.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../src/control/clock.ts';
import { createControl } from '../src/control/control.ts';
import type { FunctionSpec } from '../src/model/declared.ts';
import type { InstanceFact, PortFact, SwitchFact } from '../src/model/facts.ts';
import type { Dpid, InstanceId, Mac, OfPort } from '../src/model/ids.ts';
import type { Instances, Switches } from '../src/model/interfaces.ts';
import type { Change } from '../src/model/store.ts';
import { createNorthbound } from '../src/northbound/index.ts';
import { createSouthbound, type Log } from '../src/southbound/index.ts';
import { openStore } from '../src/store/store.ts';
import { silentLog } from '../src/telemetry/log.ts';
import { startOvs } from '../test/harness/ovs.ts';
import { CHAINS, chainOf, POOLS, SWITCH, subscriber } from './api-objects.ts';

const [declared = 0, chained = 0, spare = 2000] = process.argv.slice(2).map(Number);
const FUNCTION: FunctionSpec = {
  name: 'counter' as never,
  image: 'counter.elf',
  contract: 1,
  memoryMiB: 2,
  transparent: true,
  vlanTransparent: true,
  configSchema: {},
};
const quiet: Log = { debug() {}, info() {}, warn() {}, error() {} };
const dpid = SWITCH.dpid as Dpid;

const begin = performance.now();
const directory = mkdtempSync(join(tmpdir(), 'chainstitch-bench-'));
const ovs = await startOvs({ datapath: 'dummy' });
await ovs.addBridge('s1', { dpid });

async function filled() {
  const store = openStore(join(directory, 'store.db'));
  const put = (kind: string, spec: object): Change => ({ op: 'put', kind, spec }) as never;
  const attachment = { switch: SWITCH.name, port: 'uplink' };
  await store.commit({
    changes: [
      put('switches', { ...SWITCH, ovsdb: ovs.ovsdb }),
      put('uplinks', { name: 'core', attachment }),
      ...POOLS.map((spec) => put('pools', spec)),
      ...Array.from({ length: CHAINS }, (_, i) => put('chains', chainOf(i))),
    ],
  });
  for (let from = 0; from < declared; from += 1000) {
    const length = Math.min(1000, declared - from);
    const changes = Array.from({ length }, (_, i) =>
      put('subscribers', subscriber(from + i, from + i < chained)),
    );
    await store.commit({ changes });
  }
  return store;
}

const port = (name: string, ofport: number): [string, PortFact] => [
  name,
  { name, ofport: ofport as OfPort, mac: '02:00:00:00:00:01' as Mac, linkUp: true },
];
/** A few numbers are left for instances. */
const FIRST_PORT = 1000;
const madeUp = new Map([
  port('uplink', 1),
  ...Array.from({ length: declared + spare }, (_, i) => port(`p${i}`, FIRST_PORT + i)),
  ...Array.from({ length: 20 }, (_, i) => [
    port(`cs${i + 1}l`, 10 + 2 * i),
    port(`cs${i + 1}r`, 11 + 2 * i),
  ]).flat(),
]);
const withPorts = (switches: Switches): Switches => ({
  facts: () =>
    new Map(
      [...switches.facts()].map(([id, fact]): [Dpid, SwitchFact] => [
        id,
        fact.connection === 'connected' ? { ...fact, ports: madeUp, discovery: 'done' } : fact,
      ]),
    ),
  want: (wanted) => switches.want(wanted),
  reconcile: (id) => switches.reconcile(id),
  counters: () => switches.counters(),
  retainCounters: (owners) => switches.retainCounters(owners),
  putBack: (id, packets) => switches.putBack(id, packets),
  countedAt: () => switches.countedAt(),
  read: (id) => switches.read(id),
  links: () => [],
  manage: (managed) => switches.manage(managed.map(({ dpid: id, ovsdb }) => ({ dpid: id, ovsdb }))),
});

function readyAtOnce(wake: () => void): Instances {
  let facts: ReadonlyMap<InstanceId, InstanceFact> = new Map();
  return {
    facts: () => facts,
    want(wanted) {
      if (wanted.length === facts.size && wanted.every(({ id }) => facts.has(id))) return;
      facts = new Map(
        wanted.map(({ id, revision, left, right }) => [
          id,
          { id, phase: 'ready', revision, ports: { left: left.port, right: right.port }, restarts: 0 },
        ]),
      );
      wake();
    },
    counters: async () => {
      throw new Error('there is no guest');
    },
  };
}

const store = await filled();
let wake = (): void => {};
const southbound = await createSouthbound({
  listen: { host: '127.0.0.1', port: 0 },
  identity: 'bench',
  wake: () => wake(),
  log: quiet,
});
const control = createControl({
  store,
  switches: withPorts(southbound.switches),
  instances: readyAtOnce(() => wake()),
  builtIns: [FUNCTION],
  interfacePrefix: 'cs',
  drainTime: 1000,
  settleTime: 0,
  clock: systemClock,
  log: quiet,
});
wake = control.wake;
const northbound = createNorthbound({
  store,
  introspection: control,
  builtIns: [FUNCTION],
  log: silentLog(),
  onChange: wake,
});
wake();
const url = await northbound.listen({ host: '127.0.0.1', port: 0 });
const isActive = (): boolean =>
  [...store.declared().chains.keys()].every((name) => control.chainStatus(name)?.phase === 'active');
while (!isActive()) {
  await control.changed(AbortSignal.timeout(1000));
}

const milliseconds = Math.round(performance.now() - begin);
const flows = control.desired().reduce((total, { flows: of }) => total + of.length, 0);
process.stdout.write(`${JSON.stringify({ url, milliseconds, flows })}\n`);
process.once('SIGTERM', async () => {
  await ovs.stop();
  rmSync(directory, { recursive: true });
  process.exit(0);
});
