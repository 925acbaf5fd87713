/** Carrying changes into a switch: all of them at once, or none. */
import {
  allTables,
  bundleControls,
  bundleFlags,
  type FlowDesc,
  flowCommands,
  groups,
  type MessageOf,
  noBuffer,
  ports,
} from 'ts-openflow';
import { COOKIE_MARK, COOKIE_MARK_MASK } from '../../model/desired.ts';
import { type Channel, type Fault, Refused, type Told } from '../openflow/channel.ts';
import type { Request } from '../openflow/session.ts';
import type { Change } from './difference.ts';

/** Our flows as the switch has them now. @throws Refused, Disconnected */
export async function readFlows(channel: Channel): Promise<readonly FlowDesc[]> {
  const answer = await channel.ask({
    type: 'flowDescRequest',
    flags: 0,
    table: allTables,
    outPort: ports.any,
    outGroup: groups.any,
    cookie: COOKIE_MARK,
    cookieMask: COOKIE_MARK_MASK,
    match: [],
  });
  return (answer as MessageOf<'flowDescReply'>).flows;
}

const BLANK = {
  type: 'flowMod',
  idleTimeout: 0,
  hardTimeout: 0,
  importance: 0,
  flags: 0,
  bufferId: noBuffer,
  outPort: ports.any,
  outGroup: groups.any,
} as const;

type FlowMod = Omit<MessageOf<'flowMod'>, 'version' | 'xid'>;

export function flowModOf(change: Change): FlowMod {
  const { table, priority, match } = change.flow;
  if (change.kind === 'delete') {
    // The mark is asked for again: a stranger may have taken the place since it was read.
    const cookies = { cookie: COOKIE_MARK, cookieMask: COOKIE_MARK_MASK };
    const command = flowCommands.deleteStrict;
    return { ...BLANK, ...cookies, command, table, priority, match, instructions: [] };
  }
  const { cookie, instructions } = change.flow;
  return {
    ...BLANK,
    cookie,
    cookieMask: 0n,
    command: flowCommands.add,
    table,
    priority,
    match,
    instructions,
  };
}

export type Refusal = { readonly change: Change; readonly fault: Fault };

/** What became of a bundle. `refused` names what stood in its way; nothing of it is in the switch then. */
export type Outcome =
  | { readonly done: true }
  | { readonly done: false; readonly refused: readonly Refusal[] };

const FLAGS = bundleFlags.atomic | bundleFlags.ordered;

/**
 * Sends the changes as one atomic, ordered bundle, and waits for the barrier after it.
 * @throws Refused when the switch refuses the bundle as such; Disconnected
 */
export async function carryOut(
  channel: Channel,
  bundle: number,
  changes: readonly Change[],
): Promise<Outcome> {
  const control = (control: number): Request => ({
    type: 'bundleControl',
    bundle,
    control,
    flags: FLAGS,
    properties: [],
  });
  await channel.ask(control(bundleControls.openRequest));
  const additions = changes.map((change): Request => {
    // The session gives the message inside the version and xid of the one around it.
    const message = { ...flowModOf(change), version: 0, xid: 0 };
    return { type: 'bundleAdd', bundle, flags: FLAGS, message, properties: [] };
  });
  const { faults, done } = await channel.tell(additions);
  try {
    await channel.ask({ type: 'barrierRequest' });
    // A switch commits what it could read and drops the rest: the errors must be known before.
    if (faults.size > 0) await channel.ask(control(bundleControls.discardRequest));
    else if (await committed(channel, control(bundleControls.commitRequest), faults)) return { done: true };
    return { done: false, refused: refusals(changes, faults) };
  } finally {
    done();
  }
}

/** False if a message of the bundle stood in its way: `faults` then has which. */
async function committed(channel: Channel, commit: Request, faults: Told['faults']): Promise<boolean> {
  try {
    await channel.ask(commit);
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    await channel.ask({ type: 'barrierRequest' });
    if (faults.size === 0) throw error;
    return false;
  }
  await channel.ask({ type: 'barrierRequest' });
  return true;
}

function refusals(changes: readonly Change[], faults: Told['faults']): readonly Refusal[] {
  return [...faults].flatMap(([place, fault]) => {
    const change = changes[place];
    return change === undefined ? [] : [{ change, fault }];
  });
}
