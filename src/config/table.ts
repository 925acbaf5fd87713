/**
 * Every setting there is, in one table: the parser, the typed `Settings`, the help and docs/settings.md all
 * come from it.
 */

import { JWT_ALGORITHMS } from '../model/tokens.ts';

/** How a value is written and what it may be. */
export type SettingType =
  | { readonly is: 'host' }
  | { readonly is: 'port' }
  | { readonly is: 'directory' }
  /** Empty where there is none. */
  | { readonly is: 'file' }
  | { readonly is: 'milliseconds'; readonly min: number; readonly max: number }
  | { readonly is: 'count'; readonly of: string; readonly min: number; readonly max: number }
  | { readonly is: 'choice'; readonly of: readonly string[] }
  /** Several of them, with commas between. */
  | { readonly is: 'some'; readonly of: readonly string[] }
  | { readonly is: 'text'; readonly pattern: string; readonly means: string };

/** What defaults depend on: where the product lies and who runs it. */
export type Surroundings = {
  readonly isRoot: boolean;
  /** The directory of the product, with src/ and unikernels/ in it. */
  readonly packageDirectory: string;
  readonly workingDirectory: string;
  /** What this host, or what this process may have of it, has of memory. */
  readonly memoryMiB: number;
};

export type SettingEntry = {
  readonly type: SettingType;
  readonly default: string | ((surroundings: Surroundings) => string);
  /** How the documentation words a default that depends on the surroundings. */
  readonly defaultMeans?: string;
  readonly help: string;
};

const ISSUER_URL = '^(https://[!-~]+|http://(localhost|127\\.0\\.0\\.1|\\[::1\\])[:/][!-~]*)?$';

export const SETTINGS = {
  'api-host': {
    type: { is: 'host' },
    default: '127.0.0.1',
    help: 'Address that the REST API listens on. Other than loopback it takes `auth=token` and TLS, of its own or of a proxy.',
  },
  'api-port': {
    type: { is: 'port' },
    default: '8181',
    help: 'TCP port of the REST API; 0 takes a free one.',
  },
  auth: {
    type: { is: 'choice', of: ['none', 'token'] },
    default: 'none',
    help: 'How callers of the API prove who they are. With `token`, the first start leaves a token of scope admin in the file `first-token` of the state directory.',
  },
  'api-rate-limit': {
    type: { is: 'count', of: 'requests a second', min: 0, max: 1_000_000 },
    default: '500',
    help: 'How fast one caller may ask in the long run, with `auth=token`; 0 for as fast as it can.',
  },
  'oidc-issuer': {
    type: { is: 'text', pattern: ISSUER_URL, means: 'https URL, or http on loopback' },
    default: '',
    help: 'Issuer of identities (OpenID Connect) whose signed tokens are accepted with `auth=token`. Its keys are found by its page of discovery.',
  },
  'oidc-audience': {
    type: { is: 'text', pattern: '^[!-~]{0,255}$', means: 'text without spaces' },
    default: '',
    help: 'What the claim `aud` of such a token has to be or to contain: the name of this controller at the issuer.',
  },
  'oidc-keys': {
    type: {
      is: 'text',
      pattern: `${ISSUER_URL}|^/[^\0]+$`,
      means: 'https URL, http on loopback, or absolute path',
    },
    default: '',
    help: 'Where the keys of the issuer are (a JSON Web Key Set), if not where its page of discovery says.',
  },
  'oidc-algorithms': {
    type: { is: 'some', of: JWT_ALGORITHMS },
    default: 'RS256,PS256,ES256,EdDSA',
    help: 'How such a token may be signed.',
  },
  'oidc-scope-claim': {
    type: { is: 'text', pattern: '^[!-~]{1,255}$', means: 'name of a claim or JSON pointer to it' },
    default: 'scope',
    help: 'The claim that says what the caller may do: a text of words or a list of them, such as `scope` or `/realm_access/roles`.',
  },
  'oidc-scope-prefix': {
    type: { is: 'text', pattern: '^[!-~]{0,100}$', means: 'text without spaces' },
    default: 'chainstitch:',
    help: 'What stands before `read`, `operate` or `admin` in the words of that claim.',
  },
  'oidc-tenant-claim': {
    type: { is: 'text', pattern: '^[!-~]{0,255}$', means: 'name of a claim or JSON pointer to it' },
    default: '',
    help: 'The claim that names the tenant of the caller, or is `*` for the operator. Where it is set, a token without it is refused; where it is not, every caller of the issuer is the operator.',
  },
  'api-tls-cert': {
    type: { is: 'file' },
    default: '',
    help: 'Certificate of the API in PEM, with those between it and the root behind it. With it and its key the API speaks TLS. The files of all certificates are read again when they change.',
  },
  'api-tls-key': {
    type: { is: 'file' },
    default: '',
    help: 'Key of the certificate of the API in PEM, open to nobody else.',
  },
  'api-tls-client-ca': {
    type: { is: 'file' },
    default: '',
    help: 'Certificates of authorities in PEM: callers of the API have to show a certificate that one of them signed, besides their token.',
  },
  'api-behind-proxy': {
    type: { is: 'choice', of: ['no', 'yes'] },
    default: 'no',
    help: 'Whether a proxy stands before the API, terminates TLS, and says in `x-forwarded-for` who calls. Nobody else may reach the port then.',
  },
  'switch-tls-cert': {
    type: { is: 'file' },
    default: '',
    help: 'Certificate of the controller in PEM. With it, its key and `switch-tls-ca`, switches connect by TLS (`ssl:`) and have to show a certificate, and OVSDB servers can be declared as `ssl:host:port`.',
  },
  'switch-tls-key': {
    type: { is: 'file' },
    default: '',
    help: 'Key of the certificate of the controller in PEM, open to nobody else.',
  },
  'switch-tls-ca': {
    type: { is: 'file' },
    default: '',
    help: 'Certificates in PEM of the authorities that sign the certificates of switches and OVSDB servers.',
  },
  'openflow-host': {
    type: { is: 'host' },
    default: '127.0.0.1',
    help: 'Address that switches connect to with OpenFlow.',
  },
  'openflow-port': {
    type: { is: 'port' },
    default: '6653',
    help: 'TCP port that switches connect to with OpenFlow; 0 takes a free one.',
  },
  'state-dir': {
    type: { is: 'directory' },
    default: ({ isRoot }) => (isRoot ? '/var/lib/chainstitch' : './state'),
    defaultMeans: '`/var/lib/chainstitch` for root, else `./state`',
    help: 'Directory of the store: what operators declared and what the controller has to remember.',
  },
  'run-dir': {
    type: { is: 'directory' },
    default: ({ isRoot }) => (isRoot ? '/run/chainstitch' : './run'),
    defaultMeans: '`/run/chainstitch` for root, else `./run`',
    help: 'Directory of sockets and other files that need not survive a reboot of the host.',
  },
  'image-dir': {
    type: { is: 'directory' },
    default: ({ packageDirectory }) => `${packageDirectory}/unikernels/build`,
    defaultMeans: '`<package>/unikernels/build`',
    help: 'Directory of the kernel images that functions name.',
  },
  'function-dir': {
    type: { is: 'directory' },
    default: ({ packageDirectory }) => `${packageDirectory}/unikernels/functions`,
    defaultMeans: '`<package>/unikernels/functions`',
    help: 'Directory of the built-in functions: each `*/function.json` in it is one.',
  },
  'list-dir': {
    type: { is: 'directory' },
    default: ({ isRoot }) => (isRoot ? '/etc/chainstitch/lists' : './lists'),
    defaultMeans: '`/etc/chainstitch/lists` for root, else `./lists`',
    help: 'Directory of the lists of names that functions take: `<name>.txt`, a name a line.',
  },
  'interface-prefix': {
    type: { is: 'text', pattern: '^[a-z]{1,4}$', means: '1 to 4 letters a to z' },
    default: 'cs',
    help: 'What the names of the network devices begin with that the controller makes on this host.',
  },
  'audit-interval': {
    type: { is: 'milliseconds', min: 100, max: 86_400_000 },
    default: '10000',
    help: "Time between two readings of the flows of a switch, in which strangers' edits are found and undone; at least a millisecond for each flow that it holds.",
  },
  'drain-time': {
    type: { is: 'milliseconds', min: 0, max: 600_000 },
    default: '1000',
    help: 'How long a replaced path stays after its successor took over, so that packets under way arrive.',
  },
  'warm-pool': {
    type: {
      is: 'text',
      pattern: '^([a-z0-9-]{1,63}:[0-9]{1,3}(,[a-z0-9-]{1,63}:[0-9]{1,3})*)?$',
      means: 'functions and numbers as in `firewall:4,counter:2`, or nothing',
    },
    default: '',
    help: 'Instances of functions that are kept booted on each switch that has hops on demand asleep, for the next ones that are needed.',
  },
  'instance-memory': {
    type: { is: 'count', of: 'MiB', min: 16, max: 1_000_000_000 },
    default: ({ memoryMiB }) => String(Math.max(16, Math.floor((memoryMiB * 7) / 8))),
    defaultMeans: "7/8 of the host's memory",
    help: "Memory that all instances of this host may have together. One that would need more waits for room, and its chain says so. A process is counted with the memory of its function and 1 MiB, a virtual machine with 32 MiB more than its own, one of a kernel of somebody else's with 64.",
  },
  'instances-per-core': {
    type: { is: 'count', of: 'instances', min: 1, max: 100_000 },
    default: '256',
    help: 'Instances for each core that the controller may use. One more waits for room, and its chain says so.',
  },
  'instance-cgroup': {
    type: { is: 'file' },
    default: '',
    help: 'Directory of a cgroup v2 that the controller may write and that has no processes: instances get cgroups below it, with bounds on memory, processor time and tasks. Without it the one that the controller stands in is divided, where that is delegated to it.',
  },
  'webhook-targets': {
    type: { is: 'choice', of: ['public', 'any'] },
    default: 'public',
    help: 'Where webhooks may point to: public addresses only, or any that this host reaches, its own among them.',
  },
  'on-stop': {
    type: { is: 'choice', of: ['remove', 'keep'] },
    default: 'remove',
    help: 'What becomes of flows and instances when the controller is stopped in good order.',
  },
  'log-level': {
    type: { is: 'choice', of: ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] },
    default: 'info',
    help: 'Least severity that is written to the log.',
  },
} as const satisfies Record<string, SettingEntry>;

export type SettingName = keyof typeof SETTINGS;
export const SETTING_NAMES = Object.keys(SETTINGS) as readonly SettingName[];

type Camel<S extends string> = S extends `${infer Head}-${infer Tail}`
  ? `${Head}${Capitalize<Camel<Tail>>}`
  : S;
type ValueOf<T extends SettingType> = T extends { is: 'port' | 'milliseconds' | 'count' }
  ? number
  : T extends { is: 'choice'; of: readonly (infer C)[] }
    ? C
    : string;

/** All settings with their values: `api-port` is `settings.apiPort`. Directories are absolute. */
export type Settings = {
  readonly [N in SettingName as Camel<N>]: ValueOf<(typeof SETTINGS)[N]['type']>;
};

export const ENVIRONMENT_PREFIX = 'CHAINSTITCH_';

/** `api-port` is `CHAINSTITCH_API_PORT` in the environment. */
export function environmentName(name: SettingName): string {
  return ENVIRONMENT_PREFIX + name.toUpperCase().replaceAll('-', '_');
}

/** `api-port` is `apiPort` in `Settings`. */
export function propertyName(name: SettingName): keyof Settings {
  return name.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase()) as keyof Settings;
}

/** One line for people about what a value may be. */
export function describeType(type: SettingType): string {
  switch (type.is) {
    case 'host':
      return 'IP address or host name';
    case 'port':
      return 'TCP port, 0 to 65535';
    case 'directory':
      return 'directory';
    case 'file':
      return 'file';
    case 'milliseconds':
      return `milliseconds, ${type.min} to ${type.max}`;
    case 'count':
      return `${type.of}, ${type.min} to ${type.max}`;
    case 'choice':
      return type.of.map((value) => `\`${value}\``).join(', ');
    case 'some':
      return `${type.of.map((value) => `\`${value}\``).join(', ')}, with commas between`;
    case 'text':
      return type.means;
  }
}
