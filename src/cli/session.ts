/**
 * Which controller is meant: an option wins over the environment, the environment over the context in the
 * configuration file, and that over the default.
 */
import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { createSecureContext, type SecureContextOptions } from 'node:tls';
import { parse } from 'yaml';
import { closest } from '../model/closest.ts';
import { Failure } from './failure.ts';

export const DEFAULT_SERVER = 'http://127.0.0.1:8181';
const DEFAULT_TIMEOUT = '10s';

/** The variables that belong to this command; the controller ignores them. */
export const ENVIRONMENT = {
  CHAINSTITCH_URL: 'The controller, as `--server`.',
  CHAINSTITCH_TOKEN: 'The token that says who calls. A file is better: others may see the environment.',
  CHAINSTITCH_TOKEN_FILE: 'The file that the token is in, as `--token-file`.',
  CHAINSTITCH_CA_FILE:
    'The authorities that may have signed the certificate of the controller, as `--ca-file`.',
  CHAINSTITCH_CERT: 'The certificate that the caller shows, as `--cert`.',
  CHAINSTITCH_KEY: 'Its key, as `--key`.',
  CHAINSTITCH_TIMEOUT: 'How long an answer may take, as `--timeout`.',
  CHAINSTITCH_CONTEXT: 'The context of the configuration file, as `--context`.',
  CHAINSTITCH_CONFIG: 'The configuration file, instead of `~/.config/chainstitch/config.yaml`.',
  CHAINSTITCH_NODE: 'The Node that runs the command, where the one on the PATH is too old.',
  NO_COLOR: 'Any value turns colours off.',
} as const;

export type SessionOptions = {
  readonly server?: string | undefined;
  readonly tokenFile?: string | undefined;
  readonly caFile?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  readonly timeout?: string | undefined;
  readonly context?: string | undefined;
};

export type Session = {
  readonly server: URL;
  /** Milliseconds that an answer may take. */
  readonly timeout: number;
  /** What says who calls; absent where the controller asks nobody. */
  readonly token: string | undefined;
  /** Whom to believe and what to show, as PEM; absent where it is what Node has. */
  readonly tls: Tls | undefined;
};

export type Tls = Pick<SecureContextOptions, 'ca' | 'cert' | 'key'>;

const CONTEXT_FIELDS = ['server', 'timeout', 'tokenFile', 'caFile', 'cert', 'key'] as const;
/** Those that name files, as seen from the configuration file. */
const CONTEXT_FILES: ReadonlySet<string> = new Set(['tokenFile', 'caFile', 'cert', 'key']);
type Context = { readonly [K in (typeof CONTEXT_FIELDS)[number]]?: string };

/** @throws Failure `usage` */
export function openSession(
  options: SessionOptions,
  env: Readonly<Record<string, string | undefined>> = process.env,
): Session {
  const context = readContext(options.context ?? env['CHAINSTITCH_CONTEXT'], env);
  const server = parseServer(options.server ?? env['CHAINSTITCH_URL'] ?? context.server ?? DEFAULT_SERVER);
  return {
    server,
    timeout: parseDuration(
      options.timeout ?? env['CHAINSTITCH_TIMEOUT'] ?? context.timeout ?? DEFAULT_TIMEOUT,
      'the time for an answer',
    ),
    token: readToken(options, env, context),
    tls: readTls(server, options, env, context),
  };
}

function readTls(
  server: URL,
  options: SessionOptions,
  env: Readonly<Record<string, string | undefined>>,
  context: Context,
): Tls | undefined {
  const files = {
    ca: options.caFile ?? env['CHAINSTITCH_CA_FILE'] ?? context.caFile,
    cert: options.cert ?? env['CHAINSTITCH_CERT'] ?? context.cert,
    key: options.key ?? env['CHAINSTITCH_KEY'] ?? context.key,
  };
  if (Object.values(files).every((file) => file === undefined)) return undefined;
  if (server.protocol !== 'https:') {
    throw new Failure('usage', `certificates are given, and ${server.href} does not speak TLS`, {
      remedy: 'Write the URL of the controller with https, or leave out the certificates.',
    });
  }
  if ((files.cert === undefined) !== (files.key === undefined)) {
    throw new Failure('usage', 'a certificate and its key go together', {
      remedy: 'Give both --cert and --key, or neither.',
    });
  }
  const tls = Object.fromEntries(
    Object.entries(files).flatMap(([what, file]) => (file === undefined ? [] : [[what, readPem(file)]])),
  ) as Tls;
  try {
    createSecureContext(tls);
  } catch (error) {
    const named = Object.values(files).filter((file) => file !== undefined);
    throw new Failure('usage', `${named.join(', ')} cannot be used: ${(error as Error).message}`, {
      remedy: 'Certificates and keys are PEM, and the key has to be the one of the certificate.',
    });
  }
  return tls;
}

function readPem(file: string): string {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new Failure('usage', `${file} cannot be read: ${(error as Error).message}`);
  }
  // OpenSSL takes a file without any certificate for an empty list.
  if (text.includes('-----BEGIN ')) return text;
  throw new Failure('usage', `${file} holds nothing in PEM`);
}

function readToken(
  options: SessionOptions,
  env: Readonly<Record<string, string | undefined>>,
  context: Context,
): string | undefined {
  const file = options.tokenFile ?? env['CHAINSTITCH_TOKEN_FILE'];
  const given = file === undefined ? env['CHAINSTITCH_TOKEN'] : undefined;
  const path = file ?? (given === undefined ? context.tokenFile : undefined);
  let text = given;
  if (path !== undefined) {
    try {
      text = readFileSync(path, 'utf8');
    } catch (error) {
      throw new Failure('usage', `the token file ${path} cannot be read: ${(error as Error).message}`);
    }
  }
  const token = text?.trim();
  if (token === undefined || /^[\x21-\x7e]+$/.test(token)) return token;
  throw new Failure('usage', `what is in ${path ?? 'CHAINSTITCH_TOKEN'} is no token`, {
    remedy: 'It has to hold the token, as `chainstitch token create` printed it, and nothing else.',
  });
}

/** `500ms`, `5s` or `2m` in milliseconds. @throws Failure `usage` */
export function parseDuration(text: string, what: string): number {
  const [, digits, unit] = /^([0-9]{1,6})(ms|s|m)$/.exec(text) ?? [];
  const milliseconds = Number(digits) * (unit === 'm' ? 60_000 : unit === 's' ? 1000 : 1);
  if (digits === undefined || milliseconds === 0 || milliseconds > 3_600_000) {
    throw new Failure('usage', `${what} is not usable: ${text}`, {
      remedy: 'Write a time such as 500ms, 5s or 2m, at most 60m.',
    });
  }
  return milliseconds;
}

function parseServer(text: string): URL {
  const url = URL.parse(text);
  if (url === null || !['http:', 'https:'].includes(url.protocol) || url.search !== '' || url.hash !== '') {
    throw new Failure('usage', `this is not the URL of a controller: ${text}`, {
      remedy: `Write it as ${DEFAULT_SERVER}.`,
    });
  }
  if (url.username !== '' || url.password !== '') {
    throw new Failure('usage', 'the URL of the controller must not hold a name or a password', {
      remedy: 'Leave out what stands before the @.',
    });
  }
  return url;
}

function readContext(name: string | undefined, env: Readonly<Record<string, string | undefined>>): Context {
  const file = configFile(env);
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    if (isMissing && name === undefined && env['CHAINSTITCH_CONFIG'] === undefined) return {};
    throw new Failure('usage', `the configuration file ${file} cannot be read: ${(error as Error).message}`);
  }
  const wrong = (detail: string): Failure =>
    new Failure('usage', `the configuration file ${file} is not usable: ${detail}`, {
      remedy: '`chainstitch --help` shows what it looks like.',
    });
  let config: unknown;
  try {
    config = parse(text);
  } catch (error) {
    throw wrong((error as Error).message);
  }
  if (config === null) return {};
  refuseUnknown(config, ['context', 'contexts'], 'the file', wrong);
  const { context, contexts = {} } = config as { context?: unknown; contexts?: unknown };
  if (context !== undefined && typeof context !== 'string') throw wrong('`context` is not a name');
  if (!isObject(contexts)) throw wrong('`contexts` is not an object');
  const chosen = name ?? context;
  if (chosen === undefined) return {};
  const found = Object.hasOwn(contexts, chosen) ? contexts[chosen] : undefined;
  if (found === undefined)
    throw wrong(`there is no context ${chosen}; there are: ${Object.keys(contexts).join(', ')}`);
  refuseUnknown(found, CONTEXT_FIELDS, `context ${chosen}`, wrong);
  for (const [field, value] of Object.entries(found as object)) {
    if (typeof value !== 'string') throw wrong(`\`${field}\` of context ${chosen} is not a text`);
  }
  const entries = Object.entries(found as Context).map(([field, value]) => [
    field,
    CONTEXT_FILES.has(field) ? resolve(dirname(file), value) : value,
  ]);
  return Object.fromEntries(entries) as Context;
}

/** Where contexts are kept. */
export function configFile(env: Readonly<Record<string, string | undefined>>): string {
  return (
    env['CHAINSTITCH_CONFIG'] ??
    join(env['XDG_CONFIG_HOME'] ?? join(homedir(), '.config'), 'chainstitch', 'config.yaml')
  );
}

function refuseUnknown(
  value: unknown,
  known: readonly string[],
  what: string,
  wrong: (detail: string) => Failure,
): void {
  if (!isObject(value)) throw wrong(`${what} is not an object`);
  for (const field of Object.keys(value)) {
    if (known.includes(field)) continue;
    const near = closest(field, known);
    throw wrong(
      `${what} has an unknown field \`${field}\`${near === undefined ? '' : `; did you mean \`${near}\`?`}`,
    );
  }
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
