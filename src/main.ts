/**
 * Puts the parts together and takes them apart again. With offline.ts the only file that sees all of them.
 */
import { createHash } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { availableParallelism, hostname } from 'node:os';
import { join, resolve } from 'node:path';
import { settingsHelp } from './config/document.ts';
import { loadSettings, storeIn } from './config/settings.ts';
import type { Settings } from './config/table.ts';
import { systemClock } from './control/clock.ts';
import { type Control, createControl } from './control/control.ts';
import type { FunctionSpec } from './model/declared.ts';
import { ChainstitchError, ERRORS } from './model/errors.ts';
import type { Name } from './model/ids.ts';
import type { JwtAlgorithm } from './model/tokens.ts';
import { createInstances } from './nf/index.ts';
import { loadCatalogue } from './northbound/catalogue.ts';
import { type Authentication, createNorthbound, ensureAdministrator } from './northbound/index.ts';
import { createSouthbound } from './southbound/index.ts';
import { openStore } from './store/store.ts';
import { type Log, openLog } from './telemetry/log.ts';
import { createMetrics } from './telemetry/metrics.ts';
import { VERSION } from './telemetry/version.ts';
import { type CredentialFiles, FileCredentials } from './tls/credentials.ts';

/** Instances of an earlier run answer within milliseconds; one that hangs must not hold up the rest. */
const SETTLE_TIME = 5_000;

export type Running = {
  /** Where the API is, as a URL. */
  readonly api: string;
  /** Where switches connect to. */
  readonly openflow: { readonly host: string; readonly port: number };
  readonly control: Control;
  /** Ends everything; instances stay or go as the settings say. */
  stop(): Promise<void>;
};

/** Starts the whole controller in this process. @throws ChainstitchError for what an operator can mend */
export async function start(settings: Settings, log: Log): Promise<Running> {
  mkdirSync(settings.stateDir, { recursive: true, mode: 0o700 });
  mkdirSync(settings.runDir, { recursive: true, mode: 0o700 });

  const builtIns = loadCatalogue(settings.functionDir);
  const metrics = createMetrics({ version: VERSION });
  const { meters } = metrics;
  const store = openStore(storeIn(settings), { meters });
  const { lost } = await store.lead();
  if (settings.auth === 'token') {
    const file = join(settings.stateDir, 'first-token');
    const id = ensureAdministrator(store.tokens, file, new Date());
    if (id !== undefined) log.info({ id, file }, 'made a first token; delete the file when you have it');
  }
  const { apiTlsCert, apiTlsKey, apiTlsClientCa, switchTlsCert, switchTlsKey, switchTlsCa } = settings;
  const apiTls = credentials({ cert: apiTlsCert, key: apiTlsKey, ca: apiTlsClientCa }, log);
  const switchTls = credentials({ cert: switchTlsCert, key: switchTlsKey, ca: switchTlsCa }, log);
  let control: Control | undefined;
  const wake = (): void => control?.wake();

  const southbound = await createSouthbound({
    listen: { host: settings.openflowHost, port: settings.openflowPort },
    ...(switchTls === undefined ? {} : { tls: switchTls }),
    identity: identityOf(settings.stateDir),
    auditIntervalMs: settings.auditInterval,
    wake,
    handedIn: (packet) => control?.handedIn(packet),
    meters,
    log: log.child({ part: 'southbound' }),
  });
  const nf = createInstances({
    runDir: settings.runDir,
    imageDir: settings.imageDir,
    listDir: settings.listDir,
    ports: southbound.ports,
    room: {
      memoryMiB: settings.instanceMemory,
      instances: settings.instancesPerCore * availableParallelism(),
    },
    wake,
    meters,
    cgroup: settings.instanceCgroup,
    log: log.child({ part: 'nf' }),
  });
  const loop = createControl({
    store,
    switches: southbound.switches,
    instances: nf.instances,
    builtIns,
    interfacePrefix: settings.interfacePrefix,
    warmPool: warmPoolOf(settings, builtIns),
    drainTime: settings.drainTime,
    settleTime: SETTLE_TIME,
    clock: systemClock,
    meters,
    log: log.child({ part: 'control' }),
  });
  control = loop;
  lost.addEventListener('abort', () => loop.close(), { once: true });
  const northbound = createNorthbound({
    store,
    introspection: loop,
    builtIns,
    authentication: authenticationOf(settings),
    transport: {
      ...(apiTls === undefined ? {} : { tls: apiTls }),
      ...(settings.apiBehindProxy === 'yes' ? { behindProxy: true } : {}),
    },
    webhooks: { allowsInternal: settings.webhookTargets === 'any' },
    onChange: wake,
    meters,
    metrics: metrics.expose,
    log: log.child({ part: 'northbound' }),
  });
  metrics.observe(() => ({
    declared: store.declared(),
    steering: store.steering(),
    chains: loop.chainStatus,
    instances: loop.instances(),
    switches: loop.switchFacts(),
    desired: loop.desired(),
    waiting: northbound.waiting,
  }));
  loop.wake();
  const api = await northbound.listen({ host: settings.apiHost, port: settings.apiPort });
  log.info({ api, openflow: southbound.address }, 'chainstitch is up');

  return {
    api,
    openflow: southbound.address,
    control: loop,
    async stop() {
      await northbound.close();
      loop.close();
      southbound.hurry();
      await nf.stop(settings.onStop);
      await southbound.close();
      apiTls?.close();
      switchTls?.close();
      store.close();
    },
  };
}

/** @throws ChainstitchError `bad-setting` for a function that comes with the product and cannot be booted in advance */
function warmPoolOf({ warmPool }: Settings, builtIns: readonly FunctionSpec[]): ReadonlyMap<Name, number> {
  const pool = new Map(
    warmPool.split(',').flatMap((entry) => {
      const [name, count] = entry.split(':');
      return name === '' ? [] : [[name as Name, Number(count)] as const];
    }),
  );
  for (const { name, blank } of builtIns) {
    if (!pool.has(name) || blank !== undefined) continue;
    const able = builtIns.filter((one) => one.blank !== undefined).map((one) => one.name);
    const detail = `--warm-pool: ${name} cannot be booted before it is known for whom; ${able.join(', ')} can`;
    throw new ChainstitchError('bad-setting', detail);
  }
  return pool;
}

/** One state directory of one host is one controller, whatever address it listens on. */
const identityOf = (stateDir: string): string =>
  createHash('sha256')
    .update(`${hostname()}:${resolve(stateDir)}`)
    .digest('hex')
    .slice(0, 16);

/** What a group of settings names, where it names something: they go together. */
function credentials({ cert, key, ca }: Required<CredentialFiles>, log: Log): FileCredentials | undefined {
  if (cert === '') return undefined;
  return new FileCredentials({
    files: { cert, key, ...(ca === '' ? {} : { ca }) },
    log: log.child({ part: 'tls' }),
  });
}

function authenticationOf(settings: Settings): Authentication {
  const { auth, apiRateLimit, oidcIssuer, oidcKeys } = settings;
  if (auth === 'none') return { by: 'none' };
  const issuer = {
    issuer: oidcIssuer,
    audience: settings.oidcAudience,
    algorithms: settings.oidcAlgorithms.split(',') as JwtAlgorithm[],
    scopeClaim: settings.oidcScopeClaim,
    scopePrefix: settings.oidcScopePrefix,
    ...(settings.oidcTenantClaim === '' ? {} : { tenantClaim: settings.oidcTenantClaim }),
    ...(oidcKeys === '' ? {} : { keys: oidcKeys }),
  };
  return {
    by: 'token',
    ...(oidcIssuer === '' ? {} : { issuer }),
    ...(apiRateLimit === 0 ? {} : { requestsPerSecond: apiRateLimit }),
  };
}

/** Runs the controller with these arguments until it is stopped. */
export async function main(argv: readonly string[]): Promise<void> {
  if (argv.includes('--help')) {
    process.stdout.write(`usage: chainstitch serve [--setting=value ...]\n\n${settingsHelp()}\n`);
    return;
  }
  const settings = loadSettings(argv, process.env);
  const log = openLog(settings.logLevel);
  const running = await start(settings, log);
  const signal = await stopSignal();
  log.info({ signal, instances: settings.onStop }, 'stopping');
  await running.stop();
  log.info({}, 'stopped');
}

/**
 * Resolves with the first signal to stop. A further SIGTERM changes nothing, because service managers may send
 * several and an interrupted stop would leave instances behind; a further SIGINT is a person who will not wait.
 */
function stopSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    process.on('SIGTERM', resolve);
    process.once('SIGINT', (signal) => {
      resolve(signal);
      process.once('SIGINT', () => process.exit(130));
    });
  });
}

function fail(error: unknown): never {
  if (error instanceof ChainstitchError) {
    process.stderr.write(`chainstitch: ${error.message}\n${ERRORS[error.code].remedy}\n`);
  } else {
    process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
  }
  process.exit(1);
}

if (import.meta.main) main(process.argv.slice(2)).catch(fail);
