/**
 * What every command is given.
 */
import { Command } from '@commander-js/extra-typings';
import type { Client } from './client.ts';
import type { Host } from './host.ts';
import { DEFAULT_SERVER } from './session.ts';

export type Around = {
  readonly host: Host;
  /** The controller that the options of this run name. @throws Failure `usage` */
  readonly client: () => Client;
};

/** A program with the options that every command has. */
export function root() {
  return new Command('chainstitch')
    .description('Steers every subscriber through a chain of network functions of their own.')
    .option('--server <url>', `the controller; otherwise CHAINSTITCH_URL, otherwise ${DEFAULT_SERVER}`)
    .option('--token-file <file>', 'the file with the token that says who calls')
    .option(
      '--ca-file <file>',
      'believe a controller whose certificate these authorities have signed, and no other',
    )
    .option('--cert <file>', 'show this certificate to the controller')
    .option('--key <file>', 'the key of that certificate')
    .option('--timeout <time>', 'how long an answer may take, as in 500ms, 5s or 2m; otherwise 10s')
    .option(
      '--context <name>',
      'take server, token file, certificates and timeout from this context of the configuration file',
    );
}
export type Program = ReturnType<typeof root>;
