/**
 * How the command ends, in one table: docs/cli.md and `chainstitch --help` come from it.
 */

export const EXITS = {
  done: { status: 0, means: 'It is done.' },
  defect: { status: 1, means: 'An unexpected error: a defect of the command.' },
  usage: {
    status: 2,
    means: 'The command line, a variable of the environment or the configuration file is wrong.',
  },
  input: { status: 3, means: 'A file could not be read or written, or is not what it has to be.' },
  unreachable: { status: 4, means: 'The controller could not be reached, or did not answer in time.' },
  refused: { status: 5, means: 'The controller refused the request; nothing was changed by it.' },
  'not-found': { status: 6, means: 'There is no such object.' },
  conflict: { status: 7, means: 'The request contradicts what there is now.' },
  denied: { status: 8, means: 'The controller does not let this caller do that.' },
  'not-in-force': {
    status: 9,
    means: 'It is stored, and is not in force: a switch refused it, or time ran out.',
  },
  'server-failed': { status: 10, means: 'The controller failed or is stopping.' },
  findings: { status: 11, means: 'The command did its work and found something that needs attention.' },
  interrupted: { status: 130, means: 'It was interrupted from the keyboard.' },
} as const satisfies Record<string, { readonly status: number; readonly means: string }>;

export type Exit = keyof typeof EXITS;

/** Codes of errors whose HTTP status alone does not say how the command ends. */
const BY_CODE: Readonly<Record<string, Exit>> = {
  'chain-rejected': 'not-in-force',
  'wait-timeout': 'not-in-force',
  'too-many-waiters': 'refused',
};

/** How the command ends on an answer that is an error. */
export function exitOf(status: number, code: string): Exit {
  const known = BY_CODE[code];
  if (known !== undefined) return known;
  if (status === 404 || status === 410) return 'not-found';
  if (status === 409 || status === 412 || status === 428) return 'conflict';
  if (status === 401 || status === 403) return 'denied';
  return status >= 500 ? 'server-failed' : 'refused';
}
