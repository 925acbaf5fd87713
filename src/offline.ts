/**
 * What the command does on this host without a running controller. Beside main.ts the only file that sees all parts.
 */
import { existsSync, mkdirSync } from 'node:fs';
import type { Machine } from './cli/doctor.ts';
import type { Offline, OfflineStore } from './cli/host.ts';
import { loadSettings, storeIn } from './config/settings.ts';
import type { Settings } from './config/table.ts';
import { systemClock } from './control/clock.ts';
import { createControl } from './control/control.ts';
import type { Declared, Json } from './model/declared.ts';
import { ChainstitchError } from './model/errors.ts';
import type { PortFact, SwitchFact } from './model/facts.ts';
import type { Dpid, Mac, OfPort } from './model/ids.ts';
import type { Instances, Introspection, Switches } from './model/interfaces.ts';
import { findCgroups } from './nf/cgroup.ts';
import { findAccelerator } from './nf/find-accelerator.ts';
import { loadCatalogue } from './northbound/catalogue.ts';
import { createNorthbound } from './northbound/index.ts';
import { type Restored, restoreStore } from './store/backup.ts';
import { openStore } from './store/store.ts';
import { openLog } from './telemetry/log.ts';

/** What `doctor` looks at. @throws ChainstitchError `bad-setting` */
export async function machine(argv: readonly string[]): Promise<Machine> {
  const settings = loadSettings(argv, process.env);
  return {
    settings,
    limits: () => {
      const found = findCgroups(settings.instanceCgroup, settings.runDir);
      if (found.is === 'there') found.cgroups.close();
      return found.is === 'there' ? 'there' : found;
    },
    accelerator: () => findAccelerator(settings.imageDir, loadCatalogue(settings.functionDir)),
  };
}

/** Puts a backup in the place of the store. @throws ChainstitchError `store-unusable`, `bad-setting` */
export async function restore(file: string, stateDir: string | undefined): Promise<Restored> {
  const settings = settingsOf(stateDir);
  mkdirSync(settings.stateDir, { recursive: true, mode: 0o700 });
  return restoreStore(file, storeIn(settings));
}

/**
 * The API over a store, with nothing behind it. The store of this host is opened as a controller opens it, so that only
 * one of them has it at a time.
 *
 * @throws ChainstitchError `store-unusable`, `bad-setting`
 */
export async function offline(on: OfflineStore): Promise<Offline> {
  const settings = settingsOf(on.store === 'none' ? undefined : on.stateDir);
  const file = on.store === 'none' ? ':memory:' : storeIn(settings);
  if (on.store !== 'none' && !existsSync(file)) {
    throw new ChainstitchError('store-unusable', `${file} cannot be opened: there is no such file`);
  }
  const store = openStore(file);
  const builtIns = loadCatalogue(settings.functionDir);
  const log = openLog('fatal');
  let switches: ReadonlyMap<Dpid, SwitchFact> = new Map();
  const control = createControl({
    store,
    switches: { ...ABSENT_SWITCHES, facts: () => switches },
    instances: NO_INSTANCES,
    builtIns,
    interfacePrefix: settings.interfacePrefix,
    drainTime: 0,
    settleTime: 0,
    clock: systemClock,
    log,
  });
  const introspection: Introspection = {
    ...control,
    whatIf(declared) {
      switches = assumedSwitches(declared);
      const plan = control.whatIf(declared);
      const notes = [ASSUMED, ...plan.notes];
      return { ...plan, switches: plan.switches.map((one) => withPorts(one, declared, switches)), notes };
    },
  };
  const northbound = createNorthbound({
    store,
    introspection,
    builtIns,
    log,
    webhooks: 'none',
    onChange: () => undefined,
  });
  return {
    async ask(method, path, body) {
      const { statusCode, body: text } = await northbound.inject({
        method,
        url: path,
        ...(body === undefined
          ? {}
          : { headers: { 'content-type': 'application/json' }, payload: JSON.stringify(body) }),
      });
      return { status: statusCode, body: text === '' ? undefined : (JSON.parse(text) as Json) };
    },
    async close() {
      await northbound.close();
      control.close();
      store.close();
    },
  };
}

const settingsOf = (stateDir: string | undefined): Settings =>
  loadSettings(stateDir === undefined ? [] : [`--state-dir=${stateDir}`], process.env);

async function away(): Promise<never> {
  throw new ChainstitchError('switch-not-connected', 'no controller runs here');
}

/** Switches that are not there, for a control loop whose store and API are what matters. */
export const ABSENT_SWITCHES: Switches = {
  facts: () => new Map(),
  want: () => undefined,
  reconcile: away,
  counters: () => ({ counted: [] }),
  retainCounters: () => undefined,
  putBack: () => undefined,
  countedAt: () => new Map(),
  read: away,
  links: () => [],
  manage: () => undefined,
};
/** The same of instances. */
export const NO_INSTANCES: Instances = { facts: () => new Map(), want: () => undefined, counters: away };

const ASSUMED =
  'No controller was asked: only what is given here is looked at, and every switch is taken to have the ports that ' +
  'are named, under the numbers that are shown.';

/** Every switch that is declared, with the ports that subscribers and uplinks are attached to. */
function assumedSwitches({ switches, uplinks, subscribers }: Declared): ReadonlyMap<Dpid, SwitchFact> {
  const attachments = [...uplinks.values(), ...subscribers.values()].map(({ spec }) => spec.attachment);
  return new Map(
    [...switches.values()].map(({ spec: { name, dpid } }) => {
      const names = new Set(attachments.filter((one) => one.switch === name).map(({ port }) => port));
      const ports = new Map<string, PortFact>();
      for (const port of names) {
        const ofport = (ports.size + 1) as OfPort;
        ports.set(port, { name: port, ofport, mac: '00:00:00:00:00:00' as Mac, linkUp: true });
      }
      return [dpid, { dpid, connection: 'connected', ports, rejections: [] }];
    }),
  );
}

type SwitchPlan = ReturnType<Introspection['whatIf']>['switches'][number];

function withPorts(plan: SwitchPlan, declared: Declared, facts: ReadonlyMap<Dpid, SwitchFact>): SwitchPlan {
  const dpid = declared.switches.get(plan.switch)?.spec.dpid;
  const ports = dpid === undefined ? [] : [...(facts.get(dpid)?.ports.values() ?? [])];
  const assumedPorts = [...ports.map(({ name, ofport }) => ({ name, ofport })), ...plan.assumedPorts];
  return { ...plan, assumedPorts };
}
