/**
 * The API and the control loop over a store, with no network behind them; prints the API's URL. Run by
 * store-api.test.ts, which kills it.
 *
 * Arguments: the file, and `honest`, or `forgetful` to write to a copy: the fault that shows that the test can fail.
 */
import { copyFileSync, existsSync } from 'node:fs';
import { openStore } from '../../src/store/store.ts';
import { serveAlone } from '../harness/api-alone.ts';
import { FIREWALL } from '../unit/northbound/support.ts';

const [file = '', mode = 'honest'] = process.argv.slice(2);
const used = mode === 'honest' ? file : `${file}.${process.pid}`;
if (used !== file && existsSync(file)) copyFileSync(file, used);
process.stdout.write(`${await serveAlone(openStore(used), { builtIns: [FIREWALL], drainTime: 20 })}\n`);
