/**
 * 100,000 flows of declared chains: from the snapshot into an empty bridge, and the proof after a restart of the
 * controller that they are all there, beside what `ovs-ofctl` takes for the same flows: `node bench/southbound.ts`.
 * How many flows and rounds may be given as arguments. The two take turns; a ratio is the median of the rounds'.
 */
import { writeFileSync } from 'node:fs';
import { compile } from '../src/compiler/compile.ts';
import { flowText } from '../src/compiler/flow.ts';
import { planSteering } from '../src/compiler/plan.ts';
import { withDigests } from '../src/control/digest.ts';
import type { Declared, Stored, SubscriberSpec } from '../src/model/declared.ts';
import type { DesiredSwitch } from '../src/model/desired.ts';
import type { PortFact } from '../src/model/facts.ts';
import type { Dpid, InstanceId, Mac, Name, OfPort } from '../src/model/ids.ts';
import { EMPTY_STEERING } from '../src/model/steering.ts';
import { createSouthbound, type Log } from '../src/southbound/index.ts';
import { startOvs } from '../test/harness/ovs.ts';
import { chain, DPID, declare, factsOf, hop } from '../test/unit/world.ts';

const FLOWS = Number(process.argv[2] ?? 100_000);
const ROUNDS = Number(process.argv[3] ?? 7);

const hex = (n: number): string => n.toString(16).padStart(2, '0');
const port = (name: string, ofport: number): [string, PortFact] => [
  name,
  { name, ofport: ofport as OfPort, mac: '02:00:00:00:00:01' as Mac, linkUp: true },
];

/** So many subscribers with a hop each as make this many flows. */
function world(subscribers: number) {
  const specs = Array.from(
    { length: subscribers },
    (_, i): SubscriberSpec => ({
      name: `n${i}` as Name,
      attachment: { switch: 's1' as Name, port: `p${i}` },
      mac: `02:00:00:${hex((i >> 16) & 255)}:${hex((i >> 8) & 255)}:${hex(i & 255)}` as Mac,
      ipv4: [`10.${(i >> 16) & 255}.${(i >> 8) & 255}.${i & 255}` as never],
    }),
  );
  const one = chain([hop('firewall')], { uid: 1 }, ['n0']);
  const all = {
    ...one,
    spec: { name: one.spec.name, hops: one.spec.hops, subscribers: specs.map(({ name }) => name) },
  };
  const declared: Declared = declare([all as Stored<'chains'>], { subscribers: specs });
  const steering = planSteering({
    declared,
    steering: EMPTY_STEERING,
    instances: new Map(),
    settled: true,
    confirmed: new Set(),
    now: 0,
    drainTime: 0,
  });
  const base = factsOf({ ...steering, instances: new Map() });
  const fact = base.switches.get(DPID);
  if (!fact) throw new Error('there is no switch');
  const ready = [...steering.instances.keys()].map(
    (id) => [id, { id, phase: 'ready', revision: 1, ports: { left: '', right: '' }, restarts: 0 }] as const,
  );
  const ports = new Map([
    ...fact.ports,
    ...specs.map((_, i) => port(`p${i}`, 10 + 3 * i)),
    ...[...steering.instances.keys()].flatMap((id: InstanceId, i) => [
      port(`cs${id.slice(1)}l`, 11 + 3 * i),
      port(`cs${id.slice(1)}r`, 12 + 3 * i),
    ]),
  ]);
  const facts = { ...base, instances: new Map(ready), switches: new Map([[DPID, { ...fact, ports }]]) };
  return () => {
    const input = {
      declared,
      steering,
      facts: facts as never,
      interfacePrefix: 'cs',
      rejected: new Set<never>(),
    };
    const [of] = compile(input).switches.values();
    if (of === undefined) throw new Error('nothing was compiled');
    // Isolation goes by OVSDB, one transaction for all; here there are no such ports.
    return withDigests({ ...of, isolated: new Map() });
  };
}

function sized(): () => DesiredSwitch {
  const each = world(100)().flows.length / 100;
  return world(Math.ceil(FLOWS / each));
}

/** What goes wrong is told by what never comes. */
const quiet: Log = { debug() {}, info() {}, warn() {}, error() {} };

const ovs = await startOvs({ datapath: 'dummy' });
const compileAll = sized();
const flows = compileAll().flows;
const file = `${ovs.dir}/flows.txt`;
writeFileSync(file, flows.map((flow) => flowText(flow)).join('\n'));
await ovs.addBridge('br1', { dpid: DPID });
const rows: Record<string, number[]> = {};
const note = (name: string, ms: number): void => {
  rows[name] = [...(rows[name] ?? []), ms];
};
const print = (line: string): void => {
  process.stdout.write(`${line}\n`);
};
const timed = async <T>(name: string, work: () => Promise<T> | T): Promise<T> => {
  const begin = performance.now();
  const value = await work();
  note(name, performance.now() - begin);
  return value;
};
const median = (list: readonly number[]): number =>
  [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)] ?? 0;

async function controller() {
  let wake = (): void => {};
  const southbound = await createSouthbound({
    listen: { host: '127.0.0.1', port: 0 },
    identity: 'bench',
    auditIntervalMs: 3_600_000,
    wake: () => wake(),
    log: quiet,
  });
  await ovs.vsctl(
    'set-controller',
    'br1',
    `tcp:127.0.0.1:${southbound.address.port}`,
    '--',
    'set',
    'controller',
    'br1',
    'connection_mode=out-of-band',
  );
  const until = (holds: () => boolean): Promise<void> =>
    new Promise((resolve) => {
      wake = () => {
        if (holds()) resolve();
      };
      wake();
    });
  const fact = () => southbound.switches.facts().get(DPID as Dpid);
  await until(() => fact()?.connection === 'connected');
  return {
    async apply(desired: DesiredSwitch) {
      southbound.switches.want([desired]);
      await until(() => fact()?.applied?.digest === desired.digest);
    },
    close: () => southbound.close(),
  };
}

for (let round = 0; round < ROUNDS; round++) {
  await ovs.ofctl('-O', 'OpenFlow15', 'del-flows', 'br1');
  await timed('ofctl add-flows', () => ovs.ofctl('-O', 'OpenFlow15', '--bundle', 'add-flows', 'br1', file));
  await timed('ofctl diff-flows', () => ovs.ofctl('-O', 'OpenFlow15', 'diff-flows', 'br1', file));
  await ovs.ofctl('-O', 'OpenFlow15', 'del-flows', 'br1');
  const first = await controller();
  await timed('snapshot to barrier', async () => {
    const desired = await timed('of that, compile', compileAll);
    await first.apply(desired);
  });
  await first.close();
  const second = await controller();
  const again = compileAll();
  await timed('verified equal', () => second.apply(again));
  await timed('looked at again', () => second.apply({ ...again, digest: `${again.digest}+` }));
  await second.close();
}
await ovs.stop();
const ratio = (a: string, b: string): string =>
  median((rows[a] ?? []).map((ms, i) => ms / (rows[b]?.[i] ?? 1))).toFixed(2);
print(`${flows.length} flows of declared chains; milliseconds of each round`);
for (const [name, list] of Object.entries(rows))
  print(`${name.padEnd(24)} ${list.map((ms) => ms.toFixed(0)).join(' ')}`);
print(
  `snapshot to barrier, to ovs-ofctl --bundle add-flows: ${ratio('snapshot to barrier', 'ofctl add-flows')} x`,
);
print(`restart to verified equal, to ovs-ofctl diff-flows: ${ratio('verified equal', 'ofctl diff-flows')} x`);
process.exit(0);
