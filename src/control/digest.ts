import { createHash } from 'node:crypto';
import type { CompiledSwitch } from '../compiler/compile.ts';
import type { DesiredFlow, DesiredSwitch } from '../model/desired.ts';
import type { OwnerId } from '../model/ids.ts';

/** Names the flows of each owner and of the whole switch by digests, so that "in force" is one comparison. */
export function withDigests({ dpid, flows, isolated }: CompiledSwitch): DesiredSwitch {
  const byOwner = new Map<OwnerId, DesiredFlow[]>();
  for (const flow of flows) {
    const others = byOwner.get(flow.owner);
    if (others) others.push(flow);
    else byOwner.set(flow.owner, [flow]);
  }
  const owners = new Map([...byOwner].map(([owner, owned]) => [owner, digestOf(owned)]));
  return { dpid, digest: digestOf([[...owners], [...isolated]]), owners, flows, isolated };
}

const digestOf = (value: unknown): string =>
  createHash('sha256')
    .update(
      JSON.stringify(value, (_key, part) => (typeof part === 'bigint' ? `0x${part.toString(16)}` : part)),
    )
    .digest('base64url')
    .slice(0, 22);
