/** serve: the controller itself. */
import type { Around, Program } from '../around.ts';
import { withExamples } from '../examples.ts';

export async function registerServe(program: Program, { host }: Around): Promise<void> {
  const command = program
    .command('serve')
    .summary('run the controller')
    .description(
      'Runs the controller until it is stopped. Each setting is an option or a variable of the environment: ' +
        '--api-port is CHAINSTITCH_API_PORT, and so on.',
    )
    .action(async () => host.serve(process.argv.slice(3)));
  for (const { flags, help } of await host.settings()) command.option(flags, help);
  withExamples(command, [
    {
      line: 'chainstitch serve',
      does: 'Listens for switches on 127.0.0.1:6653 and for you on 127.0.0.1:8181.',
    },
    {
      line: 'chainstitch serve --state-dir=/srv/chainstitch --on-stop=keep',
      does: 'Keeps its store elsewhere, and leaves flows and instances in place when it is stopped.',
    },
  ]);
}
