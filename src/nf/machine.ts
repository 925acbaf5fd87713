/**
 * The life of one instance as a state machine that takes `now` and touches nothing: events go in, the next
 * state and what is to be done come out. The supervisor does it.
 *
 *     starting --ready--> ready --failed--> backoff --time--> starting ...      any --stop--> stopping
 *     starting --no-room--> waiting --room--> starting
 */
import type { InstancePhase } from '../model/facts.ts';

/** All in milliseconds. */
export type Timing = {
  /** From the emulator's start to the guest's "ready". A hung guest looks like a busy one, so there is always an end. */
  readonly readyWithin: number;
  readonly healthEvery: number;
  /** For the answer of a running guest to a question. */
  readonly answerWithin: number;
  /** For the answer to a configuration, of which the console carries some 150 KiB a second at best. */
  readonly configWithin: number;
  readonly backoffFirst: number;
  readonly backoffMost: number;
  /** A guest that was ready for this long has its earlier deaths forgiven. */
  readonly stableAfter: number;
};

export const DEFAULT_TIMING: Timing = {
  readyWithin: 15_000,
  healthEvery: 1_000,
  answerWithin: 3_000,
  configWithin: 10_000,
  backoffFirst: 100,
  backoffMost: 30_000,
  stableAfter: 60_000,
};

export type Machine = {
  readonly phase: InstancePhase;
  /** Revision that the guest is to have. */
  readonly wanted: number;
  /** Revision that the guest has said it has; of the last guest, when there is none now. */
  readonly confirmed: number | undefined;
  /** What a guest has refused. It is not offered to a running one again: the answer would be the same. */
  readonly refused: { readonly revision: number; readonly reason: string } | undefined;
  readonly problem: string | undefined;
  readonly restarts: number;
  /** Whether a guest of this kind ran before, so that the next one counts as a restart. */
  readonly ranBefore: boolean;
  /** Failures without a stable time between them. */
  readonly failures: number;
  readonly readySince: number | undefined;
  /** What the guest owes and until when. */
  readonly awaiting: { readonly what: 'ready' | 'health' | 'config'; readonly until: number } | undefined;
  /** When the next health question or the next start is due. */
  readonly nextAt: number | undefined;
};

export type MachineEvent =
  | { readonly is: 'tick' | 'room' | 'spawned' | 'healthy' | 'replace' | 'stop' }
  /** The host has no room for it now. */
  | { readonly is: 'no-room'; readonly reason: string }
  | { readonly is: 'want' | 'ready' | 'configured'; readonly revision: number }
  | { readonly is: 'config-refused'; readonly revision: number; readonly reason: string }
  /** The guest will not run with what it was booted with. */
  | { readonly is: 'refused'; readonly revision: number; readonly reason: string }
  /** It died, broke the contract, could not be started, or could not be removed. */
  | { readonly is: 'failed'; readonly reason: string };

export type Effect =
  /** Ends what may still run, then starts a guest. */
  | { readonly do: 'start' }
  | { readonly do: 'kill' }
  | { readonly do: 'ask-health' }
  | { readonly do: 'configure'; readonly revision: number }
  | { readonly do: 'remove' };

export type Step = { readonly state: Machine; readonly effects: readonly Effect[] };

/** A machine whose guest is yet to be started. */
export function startMachine(revision: number): Step {
  return { state: { ...blank(revision), phase: 'starting' }, effects: [{ do: 'start' }] };
}

/** A machine whose guest runs already, started by an earlier run of the controller, and has been asked who it is. */
export function adoptMachine(revision: number, restarts: number, now: number, timing: Timing): Machine {
  const awaiting = { what: 'ready', until: now + timing.answerWithin } as const;
  return { ...blank(revision), phase: 'starting', restarts, ranBefore: true, awaiting };
}

const blank = (wanted: number): Omit<Machine, 'phase'> => ({
  wanted,
  confirmed: undefined,
  refused: undefined,
  problem: undefined,
  restarts: 0,
  ranBefore: false,
  failures: 0,
  readySince: undefined,
  awaiting: undefined,
  nextAt: undefined,
});

/** When the machine needs a `tick`, if nothing else happens before. */
export function nextTick(state: Machine): number | undefined {
  if (state.awaiting) return state.awaiting.until;
  return state.nextAt;
}

/** What an event leads to. */
export function step(state: Machine, event: MachineEvent, now: number, timing: Timing): Step {
  switch (event.is) {
    case 'stop':
      // Already under way, unless it failed and waits for its next turn.
      if (state.phase === 'stopping' && state.nextAt === undefined) return only(state);
      return {
        state: { ...state, phase: 'stopping', awaiting: undefined, nextAt: undefined, failures: 0 },
        effects: [{ do: 'remove' }],
      };
    case 'want':
      return want(state, event.revision, now, timing);
    case 'replace':
      if (state.phase === 'stopping') return only(state);
      return replace(state);
    case 'no-room':
      if (state.phase !== 'starting' && state.phase !== 'waiting') return only(state);
      return only({ ...state, phase: 'waiting', problem: event.reason });
    case 'room':
      if (state.phase !== 'waiting') return only(state);
      return only({ ...state, phase: 'starting', problem: undefined });
    case 'spawned':
      if (state.phase !== 'starting') return only(state);
      return only({
        ...state,
        restarts: state.ranBefore ? state.restarts + 1 : state.restarts,
        ranBefore: true,
        awaiting: { what: 'ready', until: now + timing.readyWithin },
      });
    case 'ready':
      if (state.phase !== 'starting') return only(state);
      return proceed(
        {
          ...state,
          phase: 'ready',
          confirmed: event.revision,
          problem: refusal(state),
          readySince: now,
          awaiting: undefined,
          nextAt: now + timing.healthEvery,
        },
        now,
        timing,
      );
    case 'healthy':
      return answered(state, 'health', {}, now, timing);
    case 'configured':
      return answered(
        state,
        'config',
        { confirmed: event.revision, refused: undefined, problem: undefined },
        now,
        timing,
      );
    case 'config-refused': {
      const refused = { revision: event.revision, reason: event.reason };
      return answered(state, 'config', { refused, problem: refusal({ ...state, refused }) }, now, timing);
    }
    case 'refused': {
      if (state.phase !== 'starting') return only(state);
      const refused = { revision: event.revision, reason: event.reason };
      return fail({ ...state, refused }, `the guest refused to start: ${event.reason}`, now, timing);
    }
    case 'failed':
      return fail(state, event.reason, now, timing);
    case 'tick':
      return tick(state, now, timing);
  }
}

function want(state: Machine, revision: number, now: number, timing: Timing): Step {
  if (state.phase === 'stopping' || revision === state.wanted) return only(state);
  const ready = state.phase === 'ready';
  const next = { ...state, wanted: revision, refused: undefined, problem: ready ? undefined : state.problem };
  if (ready) return proceed(next, now, timing);
  // A guest that could not run with the old configuration may with the new one: no reason to wait.
  if (state.phase === 'backoff' && state.refused !== undefined)
    return only({ ...next, failures: 0, nextAt: now });
  return only(next);
}

function tick(state: Machine, now: number, timing: Timing): Step {
  if (state.awaiting) {
    if (now < state.awaiting.until) return only(state);
    return fail(state, OVERDUE[state.awaiting.what], now, timing);
  }
  if (state.nextAt === undefined || now < state.nextAt) return only(state);
  switch (state.phase) {
    case 'ready':
      return proceed(state, now, timing);
    case 'backoff':
      return start(state);
    case 'stopping':
      return { state: { ...state, nextAt: undefined }, effects: [{ do: 'remove' }] };
    case 'starting':
    case 'waiting':
      return only(state);
  }
}

/** What stays told until another configuration is wanted. */
function refusal({ refused, wanted }: Machine): string | undefined {
  if (refused?.revision !== wanted) return undefined;
  return `configuration revision ${refused.revision} was refused: ${refused.reason}`;
}

const OVERDUE = {
  ready: 'the guest did not become ready in time',
  health: 'the guest did not answer in time when it was asked for its health',
  config: 'the guest did not answer in time when it was given a configuration',
} as const;

function start(state: Machine): Step {
  return {
    state: { ...state, phase: 'starting', readySince: undefined, awaiting: undefined, nextAt: undefined },
    effects: [{ do: 'start' }],
  };
}

/** The old guest is silenced at once: what it still has to say would be taken for the new one's. */
function replace(state: Machine): Step {
  const fresh = { ...state, ranBefore: false, failures: 0, refused: undefined, problem: undefined };
  const { state: next, effects } = start(fresh);
  return { state: next, effects: [{ do: 'kill' }, ...effects] };
}

/** Gives up the guest and says when the next one is due. Nothing is killed twice: killing the dead is harmless. */
function fail(state: Machine, problem: string, now: number, timing: Timing): Step {
  const wasStable = state.readySince !== undefined && now - state.readySince >= timing.stableAfter;
  const failures = wasStable ? 1 : state.failures + 1;
  const delay = Math.min(timing.backoffMost, timing.backoffFirst * 2 ** Math.min(failures - 1, 30));
  const next = {
    ...state,
    failures,
    problem,
    readySince: undefined,
    awaiting: undefined,
    nextAt: now + delay,
  };
  if (state.phase === 'stopping') return only(next);
  if (state.phase === 'backoff') return only(state);
  return { state: { ...next, phase: 'backoff' }, effects: [{ do: 'kill' }] };
}

function answered(
  state: Machine,
  what: 'health' | 'config',
  change: Partial<Machine>,
  now: number,
  timing: Timing,
): Step {
  if (state.phase !== 'ready' || state.awaiting?.what !== what) return only(state);
  // Any answer proves that the guest lives.
  const next = { ...state, ...change, awaiting: undefined, nextAt: now + timing.healthEvery };
  return proceed(next, now, timing);
}

/** What a ready guest that owes nothing is asked next: a configuration before its health. */
function proceed(state: Machine, now: number, timing: Timing): Step {
  if (state.awaiting) return only(state);
  if (state.wanted !== state.confirmed && state.wanted !== state.refused?.revision)
    return {
      state: { ...state, awaiting: { what: 'config', until: now + timing.configWithin } },
      effects: [{ do: 'configure', revision: state.wanted }],
    };
  if (state.nextAt === undefined || now < state.nextAt) return only(state);
  const awaiting = { what: 'health', until: now + timing.answerWithin } as const;
  return { state: { ...state, awaiting }, effects: [{ do: 'ask-health' }] };
}

const only = (state: Machine): Step => ({ state, effects: [] });
