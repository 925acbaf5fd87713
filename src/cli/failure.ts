/**
 * What goes wrong, as it is told: the code, what is wrong, where, and what would help.
 */
import { ChainstitchError, ERRORS } from '../model/errors.ts';
import { EXITS, type Exit } from './exits.ts';
import { paint } from './terminal.ts';

export type Place = { readonly where: string; readonly detail: string };

export class Failure extends Error {
  readonly exit: Exit;
  readonly code: string | undefined;
  readonly remedy: string | undefined;
  readonly places: readonly Place[];
  /** Names the request in the controller's log. */
  readonly request: string | undefined;

  constructor(
    exit: Exit,
    message: string,
    more: {
      readonly code?: string | undefined;
      readonly remedy?: string | undefined;
      readonly places?: readonly Place[] | undefined;
      readonly request?: string | undefined;
    } = {},
  ) {
    super(message);
    this.name = 'Failure';
    this.exit = exit;
    this.code = more.code;
    this.remedy = more.remedy;
    this.places = more.places ?? [];
    this.request = more.request;
  }
}

/** The failure as lines for stderr, and the status to end with. */
export function tellFailure(error: unknown): { readonly text: string; readonly status: number } {
  const failure = asFailure(error);
  const lines = [
    `${paint('red', 'chainstitch:', 'stderr')} ${failure.message}${failure.code === undefined ? '' : ` (${failure.code})`}`,
    ...failure.places.map(({ where, detail }) => `  ${where === '' ? '' : `${where}: `}${detail}`),
    ...(failure.remedy === undefined ? [] : [`${paint('bold', 'what to do:', 'stderr')} ${failure.remedy}`]),
    ...(failure.request === undefined ? [] : [`in the controller's log: reqId ${failure.request}`]),
  ];
  return { text: `${lines.join('\n')}\n`, status: EXITS[failure.exit].status };
}

/** Errors of what the command does on this host by itself. */
const EXIT_OF: Readonly<Record<string, Exit>> = { 'bad-setting': 'usage', 'store-unusable': 'input' };

function asFailure(error: unknown): Failure {
  if (error instanceof Failure) return error;
  if (error instanceof ChainstitchError) {
    const { code, message, faults } = error;
    return new Failure(EXIT_OF[code] ?? 'server-failed', message, {
      code,
      remedy: ERRORS[code].remedy,
      places: faults.map(({ pointer, detail }) => ({ where: pointer, detail })),
    });
  }
  const told = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return new Failure('defect', told, { remedy: 'This is a defect of the command: please report it.' });
}
