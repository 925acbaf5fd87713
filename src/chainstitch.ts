/**
 * The command: joins what an operator types to the parts that do it. The controller is loaded only where it is
 * asked for, so that the commands of its clients start quickly.
 */
import { run } from './cli/program.ts';

const status = await run(process.argv.slice(2), {
  serve: async (argv) => (await import('./main.ts')).main(argv),
  restore: async (file, stateDir) => (await import('./offline.ts')).restore(file, stateDir),
  offline: async (on) => (await import('./offline.ts')).offline(on),
  machine: async (argv) => (await import('./offline.ts')).machine(argv),
  settings: async () => (await import('./config/document.ts')).settingsOptions(),
});
// A controller that could not start may have begun to listen.
process.exit(status);
