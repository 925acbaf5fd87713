/**
 * The whole controller as a process of its own, so that it can be killed; a program. It takes the settings of
 * the real one, and answers its parent on the channel between them.
 */
import { flowText } from '../../src/compiler/flow.ts';
import { loadSettings } from '../../src/config/settings.ts';
import { start } from '../../src/main.ts';
import { stationOf } from '../../src/model/steering.ts';
import { openLog } from '../../src/telemetry/log.ts';

export type Ask =
  /** The flows that are wanted, as sorted text. */
  | { readonly ask: 'desired' }
  /** An orderly stop, and what becomes of the instances. */
  | { readonly ask: 'stop'; readonly onStop: 'keep' | 'remove' };

export type Tell =
  | { readonly tell: 'up'; readonly api: string; readonly openflowPort: number }
  | { readonly tell: 'desired'; readonly flows: readonly string[] }
  /** An instance that was not there before. */
  | { readonly tell: 'instance'; readonly id: string; readonly subscriber: string; readonly hop: string };

const tell = (what: Tell): void => {
  if (process.connected) process.send?.(what);
};

const settings = loadSettings(process.argv.slice(2), {});
let onStop: 'keep' | 'remove' = 'remove';
const running = await start(
  {
    ...settings,
    get onStop() {
      return onStop;
    },
  },
  openLog('info'),
);
const { control } = running;
const asked = new AbortController();

process.on('message', (message: Ask) => {
  if (message.ask === 'desired') {
    const flows = control.desired().flatMap((of) => of.flows.map(flowText));
    tell({ tell: 'desired', flows: flows.sort() });
  } else {
    onStop = message.onStop;
    process.disconnect();
  }
});
// Also when the parent is gone: nothing may be left behind then.
process.once('disconnect', () => asked.abort());
tell({ tell: 'up', api: running.api, openflowPort: running.openflow.port });

const known = new Set<string>();
while (!asked.signal.aborted) {
  for (const { record } of control.instances()) {
    if (known.has(record.id)) continue;
    known.add(record.id);
    const subscriber = record.pool === undefined ? record.subscriber : '';
    tell({ tell: 'instance', id: record.id, subscriber, hop: stationOf(record) });
  }
  await control.changed(asked.signal);
}
await running.stop();
