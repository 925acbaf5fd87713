/** The command against the real API and store, with control played by the test. */
import { writeFileSync } from 'node:fs';
import type { Test } from 'tap';
import { EXITS } from '../../src/cli/exits.ts';
import { loadCatalogue } from '../../src/northbound/catalogue.ts';
import { createNorthbound } from '../../src/northbound/index.ts';
import { openStore } from '../../src/store/store.ts';
import { silentLog } from '../../src/telemetry/log.ts';
import { StubControl } from '../unit/northbound/support.ts';
import { type Ran, type RunOptions, run } from './command.ts';

const builtIns = loadCatalogue(new URL('../../unikernels/functions', import.meta.url).pathname);

export const LAB = `# The lab
kind: subscribers
spec:
  name: alice
  attachment: { switch: s1, port: s1-eth1 }
  mac: "00:00:00:00:00:01"
  ipv4: [10.0.0.1]
  labels: { plan: gold }
---
kind: subscribers
spec:
  name: bob
  attachment: { switch: s1, port: s1-eth2 }
  mac: "00:00:00:00:00:02"
---
kind: uplinks
spec: { name: core, attachment: { switch: s1, port: s1-eth3 } }
---
kind: switches
spec: { name: s1, dpid: "0000000000000001", unchained: normal, ovsdb: "tcp:127.0.0.1:1" }
`;
export const CHAIN = `kind: chains
spec:
  name: alice-protected
  subscribers: [alice]
  hops:
    - function: firewall
      config: { default: deny }
`;

/** How the command ended, in a word. */
export const status = (ran: Ran): string | undefined =>
  Object.entries(EXITS).find(([, exit]) => exit.status === ran.status)?.[0];

export type Site = {
  readonly dir: string;
  readonly url: string;
  readonly control: StubControl;
  readonly cli: typeof run;
};

/** An API with a command that asks it, in a directory with `lab.yaml` and `chain.yaml`. */
export async function open(t: Test): Promise<Site> {
  const store = openStore(':memory:');
  const control = new StubControl(store);
  const onChange = (): void => undefined;
  const northbound = createNorthbound({
    store,
    introspection: control,
    builtIns,
    log: silentLog(),
    onChange,
  });
  t.teardown(() => northbound.close());
  const url = await northbound.listen({ host: '127.0.0.1', port: 0 });
  const dir = t.testdir();
  writeFileSync(`${dir}/lab.yaml`, LAB);
  writeFileSync(`${dir}/chain.yaml`, CHAIN);
  const cli = (argv: readonly string[], options: RunOptions = {}): Promise<Ran> =>
    run(argv, { cwd: dir, ...options, env: { CHAINSTITCH_URL: url, ...options.env } });
  return { dir, url, control, cli };
}
