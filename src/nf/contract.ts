/**
 * The contract between host and guest, version 1: its constants, and what the guest's lines mean.
 *
 * `CONTRACT` holds the same names and values as unikernels/contract.h, and a test compares the two. The
 * guest runs what a subscriber sends it, so every byte that it says is treated as hostile: whatever does not
 * fit ends in a `ContractViolation`, upon which the guest is restarted.
 */
import type { JsonObject } from '../model/declared.ts';
import type { InstanceCounters, InterfaceCounters } from '../model/facts.ts';

export const CONTRACT = {
  CONTRACT_VERSION: 1,
  CONTRACT_ARG_ID: 'chainstitch.id=',
  CONTRACT_ARG_LEFT: 'chainstitch.left=',
  CONTRACT_ARG_RIGHT: 'chainstitch.right=',
  CONTRACT_MAX_ID: 64,
  CONTRACT_BUS_LEFT: 0,
  CONTRACT_BUS_RIGHT: 1,
  CONTRACT_CONFIG_FILE: 'opt/chainstitch/config',
  CONTRACT_REVISION_FILE: 'opt/chainstitch/revision',
  CONTRACT_MAX_CONFIG: 262144,
  CONTRACT_MAX_REVISION: 2 ** 53,
  CONTRACT_TIME_FILE: 'opt/chainstitch/time',
  CONTRACT_STATE_FILE: 'opt/chainstitch/state',
  CONTRACT_MAX_STATE: 12000,
  CONTRACT_DATA_FILE: 'opt/chainstitch/data',
  CONTRACT_MAX_DATA: 4194304,
  CONTRACT_MAX_REQUEST: 256,
  CONTRACT_SAY_READY: 'ready ',
  CONTRACT_SAY_REFUSED: 'refused reason=',
  CONTRACT_SAY_LOG: 'log ',
  CONTRACT_SAY_PANIC: 'panic ',
  CONTRACT_SAY_STATE: 'state ',
  CONTRACT_MAX_LOG: 512,
  CONTRACT_ASK_HELLO: 'hello',
  CONTRACT_ASK_HEALTH: 'health',
  CONTRACT_ASK_COUNTERS: 'counters',
  CONTRACT_ASK_CONFIG: 'config ',
  CONTRACT_ASK_TIME: 'time ',
  CONTRACT_ASK_SHUTDOWN: 'shutdown',
  CONTRACT_ANSWER_HEALTH: 'health ok',
  CONTRACT_ANSWER_COUNTERS: 'counters ',
  CONTRACT_ANSWER_CONFIG_OK: 'config ok revision=',
  CONTRACT_ANSWER_CONFIG_REFUSED: 'config refused reason=',
  CONTRACT_ANSWER_TIME: 'time ok',
  CONTRACT_ANSWER_SHUTDOWN: 'shutdown ok',
  CONTRACT_ANSWER_ERROR: 'error reason=',
  CONTRACT_PROBE_TYPE: 0x8902,
  CONTRACT_PROBE_MAC: '01:23:20:00:00:30',
  CONTRACT_MAX_PROBE: 128,
  CONTRACT_STALE_MS: 1000,
  CONTRACT_STATE_MS: 1000,
} as const;

export type Request =
  | { readonly kind: 'hello' | 'health' | 'counters' | 'shutdown' }
  /** Seconds since 1970, UTC. */
  | { readonly kind: 'time'; readonly seconds: number }
  | { readonly kind: 'config'; readonly revision: number; readonly config: Uint8Array };

/** One line of the guest's, understood. */
export type GuestLine =
  | { readonly kind: 'ready'; readonly function: string; readonly id: string; readonly revision: number }
  | { readonly kind: 'refused' | 'config-refused' | 'error'; readonly reason: string }
  /** A state is for a later guest alone; to the host it is text. */
  | { readonly kind: 'log' | 'panic' | 'state'; readonly text: string }
  | { readonly kind: 'health' | 'shutdown' | 'time' }
  | { readonly kind: 'counters'; readonly counters: InstanceCounters }
  | { readonly kind: 'config-ok'; readonly revision: number };

export type ViolationCode =
  | 'line-too-long'
  | 'not-ascii'
  | 'unknown-line'
  | 'bad-ready'
  | 'bad-counters'
  | 'flood'
  | 'out-of-order'
  | 'wrong-guest';

/** The guest said what the contract does not allow. */
export class ContractViolation extends Error {
  readonly code: ViolationCode;

  constructor(code: ViolationCode, detail: string) {
    super(detail);
    this.name = 'ContractViolation';
    this.code = code;
  }
}

/** The bytes of a request. */
export function encodeRequest(request: Request): Buffer {
  if (request.kind === 'time')
    return Buffer.from(`${CONTRACT.CONTRACT_ASK_TIME}${request.seconds}\n`, 'ascii');
  if (request.kind !== 'config') return Buffer.from(`${request.kind}\n`, 'ascii');
  const head = `${CONTRACT.CONTRACT_ASK_CONFIG}${request.revision} ${request.config.byteLength}\n`;
  return Buffer.concat([Buffer.from(head, 'ascii'), request.config, Buffer.from('\n', 'ascii')]);
}

/**
 * Understands one line.
 *
 * @throws ContractViolation
 */
export function parseLine(line: string): GuestLine {
  const after = (prefix: string): string | undefined =>
    line.startsWith(prefix) ? line.slice(prefix.length) : undefined;

  if (line === CONTRACT.CONTRACT_ANSWER_HEALTH) return { kind: 'health' };
  if (line === CONTRACT.CONTRACT_ANSWER_SHUTDOWN) return { kind: 'shutdown' };
  if (line === CONTRACT.CONTRACT_ANSWER_TIME) return { kind: 'time' };
  const ready = after(CONTRACT.CONTRACT_SAY_READY);
  if (ready !== undefined) return parseReady(ready);
  const counters = after(CONTRACT.CONTRACT_ANSWER_COUNTERS);
  if (counters !== undefined) return { kind: 'counters', counters: parseCounters(counters) };
  const revision = after(CONTRACT.CONTRACT_ANSWER_CONFIG_OK);
  if (revision !== undefined) return { kind: 'config-ok', revision: parseRevision(revision) };
  const refusedConfig = after(CONTRACT.CONTRACT_ANSWER_CONFIG_REFUSED);
  if (refusedConfig !== undefined) return { kind: 'config-refused', reason: refusedConfig };
  const refused = after(CONTRACT.CONTRACT_SAY_REFUSED);
  if (refused !== undefined) return { kind: 'refused', reason: refused };
  const error = after(CONTRACT.CONTRACT_ANSWER_ERROR);
  if (error !== undefined) return { kind: 'error', reason: error };
  const log = after(CONTRACT.CONTRACT_SAY_LOG);
  if (log !== undefined) return { kind: 'log', text: log };
  const state = after(CONTRACT.CONTRACT_SAY_STATE);
  if (state !== undefined) return { kind: 'state', text: parseState(state) };
  const panic = after(CONTRACT.CONTRACT_SAY_PANIC);
  if (panic !== undefined) return { kind: 'panic', text: panic };
  throw new ContractViolation('unknown-line', `the guest said "${excerpt(line)}"`);
}

/** Enough of what a guest said to recognise it, in a length that a log and a status can carry. */
export function excerpt(text: string, most = 120): string {
  return text.length <= most ? text : `${text.slice(0, most)}...`;
}

function parseReady(text: string): GuestLine {
  const match = /^contract=(\d{1,9}) function=(\S{1,63}) id=(\S{1,64}) revision=(\d{1,16})$/.exec(text);
  const [, version, name, id, revision] = match ?? [];
  if (version === undefined || name === undefined || id === undefined || revision === undefined)
    throw new ContractViolation('bad-ready', `the guest said "ready ${excerpt(text)}"`);
  if (Number(version) !== CONTRACT.CONTRACT_VERSION)
    throw new ContractViolation(
      'bad-ready',
      `the image speaks contract ${version}, this controller speaks ${CONTRACT.CONTRACT_VERSION}`,
    );
  return { kind: 'ready', function: name, id, revision: parseRevision(revision) };
}

function parseRevision(text: string): number {
  const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value <= CONTRACT.CONTRACT_MAX_REVISION))
    throw new ContractViolation('unknown-line', `"${excerpt(text)}" is not a revision`);
  return value;
}

function parseState(text: string): string {
  if (text.length > CONTRACT.CONTRACT_MAX_STATE)
    throw new ContractViolation('line-too-long', `the guest's state has ${text.length} bytes`);
  return text;
}

const INTERFACE_FIELDS = ['rxPackets', 'rxBytes', 'txPackets', 'txBytes', 'dropped', 'lost'] as const;

function parseCounters(text: string): InstanceCounters {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new ContractViolation('bad-counters', `the counters are not JSON: "${excerpt(text)}"`);
  }
  const object: { left?: unknown; right?: unknown; function?: unknown } = asObject(value, 'the counters');
  return {
    left: interfaceCounters(object.left, 'left'),
    right: interfaceCounters(object.right, 'right'),
    function: asObject(object.function, 'function') as JsonObject,
  };
}

function interfaceCounters(value: unknown, side: string): InterfaceCounters {
  const object = asObject(value, side);
  const counts = INTERFACE_FIELDS.map((field) => {
    const count = object[field];
    if (typeof count !== 'number' || !Number.isFinite(count) || count < 0)
      throw new ContractViolation('bad-counters', `${side}.${field} is not a count`);
    return [field, count] as const;
  });
  return Object.fromEntries(counts) as InterfaceCounters;
}

function asObject(value: unknown, name: string): { readonly [key: string]: unknown } {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new ContractViolation('bad-counters', `${name} is not an object`);
  return value as { readonly [key: string]: unknown };
}
