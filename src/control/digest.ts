import { createHash } from 'node:crypto';
import type { CompiledSwitch } from '../compiler/compile.ts';
import type { DesiredSwitch } from '../model/desired.ts';
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
  for (const { owner, table, priority, cookie, match, instructions } of flows)
    put(owner, [table, priority, cookie, match, instructions]);
  for (const { owner, ...group } of groups) put(owner, group);
  const owners = new Map([...byOwner].map(([owner, owned]) => [owner, digestOf(owned)]));
  return { dpid, digest: digestOf([[...owners], [...isolated]]), owners, flows, groups, isolated };
}

const digestOf = (value: unknown): string =>
  createHash('sha256')
    .update(
      JSON.stringify(value, (_key, part) => (typeof part === 'bigint' ? `0x${part.toString(16)}` : part)),
    )
    .digest('base64url')
    .slice(0, 22);
