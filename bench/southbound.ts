/**
 * 100,000 flows of declared chains: from the snapshot into an empty bridge, and the proof after a restart of the
 * controller that they are all there, beside what `ovs-ofctl` takes for the same flows: `node bench/southbound.ts`.
 * How many flows and rounds may be given as arguments. The two take turns; a ratio is the median of the rounds'.
 */
import { writeFileSync } from 'node:fs';
import { CompiledSwitch, compile } from '../src/compiler/compile.ts';
import { flowText } from '../src/compiler/flow.ts';
import { Tables } from '../src/control/tables.ts';
import type { DesiredSwitch } from '../src/model/desired.ts';
import type { Dpid } from '../src/model/ids.ts';
import type { DesiredPart } from '../src/model/parts.ts';
import { SortedMap } from '../src/model/sorted-map.ts';
import { createSouthbound, type Log } from '../src/southbound/index.ts';
import { startOvs } from '../test/harness/ovs.ts';
import { DPID } from '../test/unit/world.ts';
import { manySubscribers } from './many-subscribers.ts';

const FLOWS = Number(process.argv[2] ?? 100_000);
const ROUNDS = Number(process.argv[3] ?? 7);

const compileOf = (subscribers: number): (() => DesiredSwitch) => {
  const input = manySubscribers(subscribers);
  return () => {
    const [of] = compile(input).switches.values();
    if (of === undefined) throw new Error('nothing was compiled');
    // Isolation goes by OVSDB, one transaction for all; here there are no such ports.
    const parts = [...of.parts].map(([key, part]): [string, DesiredPart] => [
      key,
      { ...part, isolated: new Map() },
    ]);
    return new Tables(new CompiledSwitch(of.dpid, SortedMap.from(parts)), 1, undefined);
  };
};

function sized(): () => DesiredSwitch {
  const each = compileOf(100)().flows.length / 100;
  return compileOf(Math.ceil(FLOWS / each));
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
    look: () => southbound.switches.reconcile(DPID as Dpid),
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
  await timed('looked at again', () => second.look());
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
