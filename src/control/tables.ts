/** Names by digests what each owner and the whole switch want, so that "in force" is one comparison. */
import { createHash } from 'node:crypto';
import type { CompiledSwitch } from '../compiler/compile.ts';
import type { DesiredFlow, DesiredSwitch } from '../model/desired.ts';
import { type OwnerId, SWITCH_OWNER } from '../model/ids.ts';
import { COMMON_PART, type DesiredPart, type DesiredParts, Whole } from '../model/parts.ts';

/**
 * Sums of digests, modulo 2^128: equal sets of parts have equal sums in whatever order they came and went, so a
 * change of one part is one subtraction and one addition.
 */
type Sums = {
  /** Of what is the owner's. */
  readonly own: bigint;
  /** Of that and of what else the owner's subscribers need, which is the switch's. */
  readonly needed: bigint;
  /** How many parts hold something of the owner's. */
  readonly parts: number;
};
const NOTHING: Sums = { own: 0n, needed: 0n, parts: 0 };

/** What a switch is to hold, with the digests of it. */
export class Tables extends Whole implements DesiredSwitch {
  readonly dpid: DesiredSwitch['dpid'];
  readonly revision: number;
  readonly parts: DesiredParts;
  readonly digest: string;
  readonly owners: ReadonlyMap<OwnerId, string>;
  readonly needs: ReadonlyMap<OwnerId, string>;
  readonly #sums: ReadonlyMap<OwnerId, Sums>;
  readonly #isolated: bigint;

  /** @param before what was wanted of the same switch until now; it only saves work */
  constructor({ dpid, parts }: CompiledSwitch, revision: number, before: Tables | undefined) {
    super(parts);
    this.dpid = dpid;
    this.revision = revision;
    this.parts = parts;
    const sums = new Map(before === undefined ? [] : before.#sums);
    const owners = new Map(before?.owners);
    const needs = new Map(before?.needs);
    let isolated = before === undefined ? 0n : before.#isolated;
    const changed = before === undefined ? parts.keys() : parts.changedSince(before.parts);
    const touched = new Set<OwnerId>();
    for (const key of changed) {
      const [old, now] = [before?.parts.get(key), parts.get(key)];
      isolated = sum(isolated, isolatedOf(now) - isolatedOf(old));
      for (const [part, sign] of [
        [old, -1],
        [now, 1],
      ] as const) {
        if (part === undefined) continue;
        const digests = digestsOf(part);
        const common = key === COMMON_PART ? 0n : (digests.get(SWITCH_OWNER) ?? 0n);
        for (const [owner, own] of digests) {
          const at = sums.get(owner) ?? NOTHING;
          const isNeeded = owner !== SWITCH_OWNER || key === COMMON_PART;
          const needed = isNeeded ? own + (owner === SWITCH_OWNER ? 0n : common) : 0n;
          const by = BigInt(sign);
          sums.set(owner, {
            own: sum(at.own, by * own),
            needed: sum(at.needed, by * needed),
            parts: at.parts + sign,
          });
          touched.add(owner);
        }
      }
    }
    for (const owner of touched) {
      const { own, needed, parts: held } = sums.get(owner) ?? NOTHING;
      if (held > 0) {
        owners.set(owner, text(own));
        needs.set(owner, text(needed));
        continue;
      }
      for (const map of [sums, owners, needs]) map.delete(owner);
    }
    let all = isolated;
    for (const { own } of sums.values()) all = sum(all, own);
    this.#sums = sums;
    this.#isolated = isolated;
    this.owners = owners;
    this.needs = needs;
    this.digest = text(all);
  }
}

/** The same object where nothing is another than before. */
export const tablesOf = (compiled: CompiledSwitch, revision: number, before: Tables | undefined): Tables =>
  before?.parts === compiled.parts ? before : new Tables(compiled, revision, before);

const sum = (a: bigint, b: bigint): bigint => BigInt.asUintN(128, a + b);
const text = (digest: bigint): string => digest.toString(36);

const known = new WeakMap<DesiredPart, ReadonlyMap<OwnerId, bigint>>();

function digestsOf(part: DesiredPart): ReadonlyMap<OwnerId, bigint> {
  const last = known.get(part);
  if (last !== undefined) return last;
  const words = new Map<OwnerId, string>();
  const put = (owner: OwnerId, what: string): void => {
    words.set(owner, `${words.get(owner) ?? ''}${what}\n`);
  };
  for (const flow of part.flows) put(flow.owner, flowWords(flow));
  for (const { owner, ...group } of part.groups) put(owner, json(group));
  const made = new Map([...words].map(([owner, of]) => [owner, digestOf(of)]));
  known.set(part, made);
  return made;
}

const isolatedOf = (part: DesiredPart | undefined): bigint =>
  part === undefined || part.isolated.size === 0 ? 0n : digestOf(json([...part.isolated]));

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

const digestOf = (words: string): bigint =>
  BigInt(`0x${createHash('sha256').update(words).digest('hex').slice(0, 32)}`);
