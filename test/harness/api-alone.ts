/** The API and the control loop over a store, with no network behind them. */
import { systemClock } from '../../src/control/clock.ts';
import { createControl } from '../../src/control/control.ts';
import type { FunctionSpec } from '../../src/model/declared.ts';
import type { Store } from '../../src/model/interfaces.ts';
import { createNorthbound } from '../../src/northbound/index.ts';
import { ABSENT_SWITCHES, NO_INSTANCES } from '../../src/offline.ts';
import { silentLog } from '../../src/telemetry/log.ts';

/** Listens on a free port of loopback until the process ends. @returns the URL */
export function serveAlone(
  store: Store,
  { builtIns, drainTime }: { readonly builtIns: readonly FunctionSpec[]; readonly drainTime: number },
): Promise<string> {
  const control = createControl({
    store,
    switches: ABSENT_SWITCHES,
    instances: NO_INSTANCES,
    builtIns,
    interfacePrefix: 'cs',
    drainTime,
    settleTime: 0,
    clock: systemClock,
    log: { info() {}, warn() {} },
  });
  const northbound = createNorthbound({
    store,
    introspection: control,
    builtIns,
    log: silentLog(),
    onChange: control.wake,
  });
  control.wake();
  return northbound.listen({ host: '127.0.0.1', port: 0 });
}
