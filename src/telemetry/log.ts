/**
 * The log: one JSON object per line on stderr, so that stdout stays free for what a command answers.
 */
import { type DestinationStream, destination, type Logger, pino } from 'pino';

/** What every part logs to; `log.child({ part: 'nf' })` names the part. */
export type Log = Logger;

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Field names whose values never reach the log, at the top of a line or within one object of it. */
const SECRET_FIELDS = ['password', 'secret', 'token', 'authorization', 'cookie', 'key'];
const REDACTED_PATHS = SECRET_FIELDS.flatMap((name) => [name, `*.${name}`, `*.headers.${name}`]);

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
      redact: { paths: REDACTED_PATHS, censor: '[redacted]' },
    },
    stream,
  );
}

/** A log that says nothing, for tests and tools. */
export function silentLog(): Log {
  return pino({ level: 'silent' });
}
