/**
 * The API and the control loop over a store, with no network behind them; prints the API's URL. Run by
 * store-api.test.ts, which kills it.
 *
 * Arguments: the file, and `honest`, or `forgetful` to write to a copy: the fault that shows that the test can fail.
 */
import { copyFileSync, existsSync } from 'node:fs';
import { systemClock } from '../../src/control/clock.ts';
import { createControl } from '../../src/control/control.ts';
import { createNorthbound } from '../../src/northbound/index.ts';
import { openStore } from '../../src/store/store.ts';
import { silentLog } from '../../src/telemetry/log.ts';
import { noInstances, noSwitches } from '../harness/no-network.ts';
import { FIREWALL } from '../unit/northbound/support.ts';

const [file = '', mode = 'honest'] = process.argv.slice(2);
const used = mode === 'honest' ? file : `${file}.${process.pid}`;
if (used !== file && existsSync(file)) copyFileSync(file, used);
const store = openStore(used);
const control = createControl({
  store,
  switches: noSwitches,
  instances: noInstances,
  builtIns: [FIREWALL],
  interfacePrefix: 'cs',
  drainTime: 20,
  settleTime: 0,
  clock: systemClock,
  log: { info() {}, warn() {} },
});
const northbound = createNorthbound({
  store,
  introspection: control,
  builtIns: [FIREWALL],
  log: silentLog(),
  onChange: control.wake,
});
control.wake();
process.stdout.write(`${await northbound.listen({ host: '127.0.0.1', port: 0 })}\n`);
