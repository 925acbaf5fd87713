/**
 * The log: one JSON object per line on stderr, so that stdout stays free for what a command answers.
 */
import { type DestinationStream, destination, type Logger, pino } from 'pino';

/** What every part logs to; `log.child({ part: 'nf' })` names the part. */
export type Log = Logger;

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

const CENSORED = '[redacted]';
/** A field whose name ends so, in whatever case and at whatever depth, and its value if that is a text. */
const SECRET_FIELD =
  /"([\w-]*(?:password|secret|token|authorization|cookie|api_?key|private_?key)|key)":"(?:[^"\\]|\\.)*"/gi;
/** Credentials inside a text: what follows `Bearer`, and the tokens of the API by their form. */
const SECRET_TEXT = /\b(Bearer +)[!#-[\]-~]+|\bcst_[0-9a-f]{20}_[\w-]+/gi;

/** A line of the log without secrets. */
export function censor(line: string): string {
  return line
    .replace(SECRET_FIELD, (_, name: string) => `"${name}":"${CENSORED}"`)
    .replace(SECRET_TEXT, (_, scheme: string | undefined) => `${scheme ?? ''}${CENSORED}`);
}

/**
 * Opens the log. Lines are written synchronously: the last ones before a crash are the ones that are needed.
 *
 * @param stream where lines go instead of stderr, for tests
 */
export function openLog(
  level: LogLevel,
  stream: DestinationStream = destination({ dest: 2, sync: true }),
): Log {
  return pino(
    {
      level,
      // The process id and host name are the service manager's to add.
      base: null,
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
      hooks: { streamWrite: censor },
    },
    stream,
  );
}

/** A log that says nothing, for tests and tools. */
export function silentLog(): Log {
  return pino({ level: 'silent' });
}
