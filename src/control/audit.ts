/** Runs the audit: reads each switch, proves its tables, and lets the loop turn meanwhile. */
import { auditSwitch, type SwitchAudit } from '../compiler/audit/audit.ts';
import { viewsOf } from '../compiler/compile.ts';
import type { CompileInput, SwitchView } from '../compiler/view.ts';
import { type AuditReport, MAX_FINDINGS } from '../model/audit-report.ts';
import { ChainstitchError } from '../model/errors.ts';
import type { Dpid, InstanceId, Name } from '../model/ids.ts';
import type { Switches } from '../model/interfaces.ts';

export type AuditWorld = {
  readonly switches: Switches;
  /** What was compiled last; undefined before. */
  input(): CompileInput | undefined;
  /** The digest of all that is desired of a switch, if it has confirmed that. */
  inForce(dpid: Dpid): string | undefined;
  /** Resolves when something may have changed, or after a while. */
  pause(): Promise<void>;
  /** Milliseconds since the epoch. */
  now(): number;
};

/** A switch that is being changed is looked at again so often before it is called unproven. */
const ATTEMPTS = 20;
/** Milliseconds of work before the loop has its turn. */
const TURN_MS = 8;

export async function runAudit(world: AuditWorld): Promise<AuditReport> {
  const names = [...(world.input()?.declared.switches.keys() ?? [])];
  const audits: SwitchAudit[] = [];
  const unproven: { switch: Name; reason: string }[] = [];
  for (const name of names) {
    const outcome = await auditOne(world, name);
    if (typeof outcome === 'string') unproven.push({ switch: name, reason: outcome });
    else audits.push(outcome);
  }
  const findings = audits.flatMap((audit) => audit.findings);
  const sum = (count: (audit: SwitchAudit) => number): number =>
    audits.reduce((total, audit) => total + count(audit), 0);
  return {
    at: new Date(world.now()).toISOString(),
    result: findings.length > 0 ? 'violated' : unproven.length > 0 ? 'unproven' : 'proven',
    findings: findings.slice(0, MAX_FINDINGS),
    more: Math.max(0, findings.length - MAX_FINDINGS),
    passedOver: audits.flatMap((audit) => audit.passedOver),
    unproven,
    subscribers: sum(({ subscribers }) => subscribers),
    classes: sum(({ classes }) => classes),
  };
}

/** What was found on one switch, or why nothing can be said. */
async function auditOne(world: AuditWorld, name: Name): Promise<SwitchAudit | string> {
  let reason = 'it is being changed all the time';
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const before = stateOf(world, name);
    if ('problem' in before) {
      reason = before.problem;
    } else {
      try {
        const held = await world.switches.read(before.view.spec.dpid);
        const after = stateOf(world, name);
        // Otherwise what was read is of one moment and what it is held against of another.
        if (!('problem' in after) && after.revision === before.revision)
          return await carryOut(auditSwitch(before.view, held, namesOf(before.input)));
      } catch (error) {
        if (!(error instanceof ChainstitchError)) throw error;
        reason = error.message;
      }
    }
    await world.pause();
  }
  return reason;
}

type State =
  | { readonly problem: string }
  | { readonly input: CompileInput; readonly view: SwitchView; readonly revision: string };

function stateOf({ switches, input: last, inForce }: AuditWorld, name: Name): State {
  const input = last();
  const dpid = input?.declared.switches.get(name)?.spec.dpid;
  const fact = dpid && switches.facts().get(dpid);
  if (!input || fact?.connection !== 'connected') return { problem: 'it is not connected' };
  const revision = inForce(fact.dpid);
  if (revision === undefined) return { problem: 'it has not confirmed what is desired of it' };
  const view = viewsOf(input).find(({ spec }) => spec.name === name);
  if (view === undefined) return { problem: 'its ports are not known' };
  return { input, view, revision };
}

function namesOf({ declared, steering }: CompileInput): Parameters<typeof auditSwitch>[2] {
  const chains = new Map(
    [...declared.chains.values()].map(({ uid, spec }) => [steering.owners.get(uid) as number, spec.name]),
  );
  return {
    chain: (owner) => chains.get(owner) ?? (`${owner}` as Name),
    hop: (instance) => steering.instances.get(instance as InstanceId)?.hop ?? instance,
  };
}

async function carryOut<T>(work: Generator<void, T>): Promise<T> {
  let begin = performance.now();
  for (;;) {
    const step = work.next();
    if (step.done) return step.value;
    if (performance.now() - begin < TURN_MS) continue;
    await new Promise((resolve) => setImmediate(resolve));
    begin = performance.now();
  }
}
