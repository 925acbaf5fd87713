/** What southbound needs of a logger; a pino logger is one. */
export type Log = {
  debug(detail: object, message: string): void;
  info(detail: object, message: string): void;
  warn(detail: object, message: string): void;
  error(detail: object, message: string): void;
};

/** Says nothing; for tests. */
export const silent: Log = { debug() {}, info() {}, warn() {}, error() {} };
