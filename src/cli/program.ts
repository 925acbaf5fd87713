/**
 * The command line as a whole: commander's program is the one table of commands, options and examples. Help,
 * completion and docs/cli.md are made from it.
 */
import { CommanderError } from 'commander';
import { type Around, type Program, root } from './around.ts';
import { Client } from './client.ts';
import { registerApply } from './commands/apply.ts';
import { registerAudit } from './commands/audit.ts';
import { registerBackup } from './commands/backup.ts';
import { registerCompletion } from './commands/completion.ts';
import { registerDelete } from './commands/delete.ts';
import { registerDescribe } from './commands/describe.ts';
import { registerDoctor } from './commands/doctor.ts';
import { registerEvents } from './commands/events.ts';
import { registerExplain } from './commands/explain.ts';
import { registerGet } from './commands/get.ts';
import { registerPlan } from './commands/plan.ts';
import { registerServe } from './commands/serve.ts';
import { registerToken } from './commands/token.ts';
import { registerTop } from './commands/top.ts';
import { registerVersion } from './commands/version.ts';
import { EXITS } from './exits.ts';
import { tellFailure } from './failure.ts';
import type { Host } from './host.ts';
import { openSession } from './session.ts';
import { endWithReader } from './terminal.ts';

export async function createProgram(host: Host): Promise<Program> {
  const program = root();
  const around: Around = { host, client: () => new Client(openSession(program.opts())) };
  program
    .configureHelp({ showGlobalOptions: true, sortSubcommands: false })
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, 'chainstitch: ')) })
    .showHelpAfterError('`chainstitch --help` and `chainstitch <command> --help` have examples.')
    .helpCommand('help [command]', 'show the help of a command')
    .exitOverride();
  await registerDoctor(program, around);
  await registerServe(program, around);
  for (const register of [
    registerApply,
    registerPlan,
    registerGet,
    registerDescribe,
    registerDelete,
    registerExplain,
    registerAudit,
    registerTop,
    registerEvents,
    registerToken,
    registerBackup,
    registerCompletion,
    registerVersion,
  ]) {
    register(program, around);
  }
  program.addHelpText('after', `\n${rootHelp()}`);
  return program;
}

/** Runs a command line and gives the status to end with. */
export async function run(argv: readonly string[], host: Host): Promise<number> {
  endWithReader();
  try {
    // The controller has settings instead of options, in its own words for what is wrong with one.
    const [first, ...rest] = argv;
    if (first === 'serve' && !rest.includes('--help') && !rest.includes('-h')) {
      await host.serve(rest);
      return EXITS.done.status;
    }
    const program = await createProgram(host);
    if (argv.length === 0) program.help({ error: true });
    await program.parseAsync(argv, { from: 'user' });
    return Number(process.exitCode ?? EXITS.done.status);
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXITS.done.status : EXITS.usage.status;
    const { text, status } = tellFailure(error);
    process.stderr.write(text);
    return status;
  }
}

function rootHelp(): string {
  const statuses = Object.values(EXITS).map(
    ({ status, means }) => `  ${String(status).padStart(3)}  ${means}`,
  );
  return `The whole story:
  chainstitch doctor                             what this machine lacks
  chainstitch serve                              run the controller
  chainstitch apply -f chains/lab.yaml           declare a switch, an uplink and subscribers
  chainstitch plan -f chains/alice-protected.yaml
                                                 what declaring a chain would do
  chainstitch apply -f chains/alice-protected.yaml --wait
                                                 declare a chain, and wait until it is in force
  chainstitch get chains                         see what became of it
  chainstitch describe chain alice-protected
  chainstitch explain --subscriber alice eth_type=0x0800 nw_proto=6 tcp_dst=22
  chainstitch audit                              prove that no packet gets around a hop
  chainstitch top                                watch the traffic
  chainstitch delete chain alice-protected --wait
  chainstitch delete -f chains/lab.yaml          take back the rest

The configuration file, ~/.config/chainstitch/config.yaml:
  context: lab
  contexts:
    lab: { server: "http://127.0.0.1:8181", timeout: 5s, tokenFile: /root/lab.token }
    far: { server: "https://far.example:8181", tokenFile: far.token, caFile: far-ca.pem, cert: me.pem, key: me.key }

Exit status:
${statuses.join('\n')}`;
}
