import { createHash } from 'node:crypto';
import type { CompiledSwitch } from '../compiler/compile.ts';
import type { DesiredFlow, DesiredSwitch } from '../model/desired.ts';
import type { OwnerId } from '../model/ids.ts';

/** Names what each owner and the whole switch want by digests, so that "in force" is one comparison. */
export function withDigests(compiled: CompiledSwitch): DesiredSwitch {
  const { dpid, flows, groups, isolated } = compiled;
  const byOwner = new Map<OwnerId, unknown[]>();
  const put = (owner: OwnerId, what: unknown): void => {
    const others = byOwner.get(owner);
    if (others) others.push(what);
    else byOwner.set(owner, [what]);
  };
  for (const flow of flows) put(flow.owner, flowWords(flow));
  for (const { owner, ...group } of groups) put(owner, group);
  const owners = new Map([...byOwner].map(([owner, owned]) => [owner, digestOf(owned)]));
  return { dpid, digest: digestOf([[...owners], [...isolated]]), owners, flows, groups, isolated };
}

/** A flow as text, quickly: there are many. */
function flowWords({ table, priority, cookie, match, instructions }: DesiredFlow): string {
  let words = `${table} ${priority} ${cookie.toString(36)}`;
  for (const entry of match)
    words += entry.field === 'unknown' ? json(entry) : ` ${entry.field}=${entry.value}/${entry.mask ?? ''}`;
  for (const instruction of instructions) {
    if (instruction.type === 'gotoTable') words += ` goto ${instruction.table}`;
    else if (instruction.type === 'writeMetadata')
      words += ` metadata ${instruction.value.toString(36)}/${instruction.mask.toString(36)}`;
    else words += json(instruction);
  }
  return words;
}

const json = (value: unknown): string =>
  JSON.stringify(value, (_key, part) => (typeof part === 'bigint' ? `0x${part.toString(16)}` : part));

const digestOf = (value: unknown): string =>
  createHash('sha256').update(json(value)).digest('base64url').slice(0, 22);
