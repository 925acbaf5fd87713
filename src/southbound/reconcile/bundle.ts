/** Carrying changes into a switch: all of them at once, or none. */
import {
  allTables,
  buckets as bucketIds,
  bundleControls,
  bundleFlags,
  type FlowDesc,
  flowCommands,
  type GroupDesc,
  groupCommands,
  groups,
  type MessageOf,
  noBuffer,
  ports,
} from 'ts-openflow';
import { COOKIE_MARK, COOKIE_MARK_MASK, type DesiredFlow } from '../../model/desired.ts';
import { type Channel, type Fault, Refused, type Told } from '../openflow/channel.ts';
import type { Request } from '../openflow/session.ts';
import type { Change, Content } from './difference.ts';

/** The flows and groups that a switch has now. @throws Refused, Disconnected */
export async function readContent(
  channel: Channel,
  whose: 'ours' | 'everybody',
): Promise<Content<FlowDesc, GroupDesc>> {
  const [flows, found] = await Promise.all([
    channel.ask({
      type: 'flowDescRequest',
      flags: 0,
      table: allTables,
      outPort: ports.any,
      outGroup: groups.any,
      cookie: whose === 'ours' ? COOKIE_MARK : 0n,
      cookieMask: whose === 'ours' ? COOKIE_MARK_MASK : 0n,
      match: [],
    }),
    channel.ask({ type: 'groupDescRequest', flags: 0, group: groups.all }),
  ]);
  return {
    flows: (flows as MessageOf<'flowDescReply'>).flows,
    groups: (found as MessageOf<'groupDescReply'>).groups,
  };
}

/** These flows alone, as far as the switch has them. @throws Refused, Disconnected */
export async function readFlows(
  channel: Channel,
  wanted: readonly DesiredFlow[],
): Promise<readonly FlowDesc[]> {
  const answers = await Promise.all(
    wanted.map(({ table, match, cookie }) =>
      channel.ask({
        type: 'flowDescRequest',
        flags: 0,
        table,
        outPort: ports.any,
        outGroup: groups.any,
        cookie,
        cookieMask: EXACTLY,
        match,
      }),
    ),
  );
  return answers.flatMap((answer) => (answer as MessageOf<'flowDescReply'>).flows);
}

const EXACTLY = 0xffff_ffff_ffff_ffffn;

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
type GroupMod = Omit<MessageOf<'groupMod'>, 'version' | 'xid'>;

const GROUP_COMMANDS = {
  addGroup: groupCommands.add,
  modifyGroup: groupCommands.modify,
  deleteGroup: groupCommands.delete,
} as const;

/** The message that makes a change. */
export function modOf(change: Change): FlowMod | GroupMod {
  return 'group' in change ? groupModOf(change) : flowModOf(change);
}

function groupModOf({ kind, group: desired }: Extract<Change, { group: unknown }>): GroupMod {
  const { group, groupType, buckets, properties } = desired;
  const isDeletion = kind === 'deleteGroup';
  return {
    type: 'groupMod',
    command: GROUP_COMMANDS[kind],
    commandBucketId: bucketIds.all,
    group,
    groupType,
    buckets: isDeletion ? [] : buckets,
    properties: isDeletion ? [] : properties,
  };
}

function flowModOf(change: Extract<Change, { flow: unknown }>): FlowMod {
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
    const message = { ...modOf(change), version: 0, xid: 0 };
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
