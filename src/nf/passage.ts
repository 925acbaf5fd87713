/**
 * Whether frames get through a guest, by what the switch finds each time that it is asked. Pure: `now` is a value.
 */
export type Passage = {
  /** Whether frames have come through this guest before. */
  readonly seen: boolean;
  /** Since when, in milliseconds, the switch has said that none does. */
  readonly missingSince: number | undefined;
};

export const UNKNOWN_PASSAGE: Passage = { seen: false, missingSince: undefined };

/** What the switch still says of the time before a guest began is over after this long. */
const BEGINNING_MS = 8_000;
/** One look may fall into a moment in which the switch itself was late. */
const AGAIN_MS = 500;

export function nextPassage(before: Passage, passes: boolean | undefined, now: number): Passage {
  if (passes === undefined) return { ...before, missingSince: undefined };
  if (passes) return { seen: true, missingSince: undefined };
  return { ...before, missingSince: before.missingSince ?? now };
}

export function isStuck({ seen, missingSince }: Passage, now: number): boolean {
  return missingSince !== undefined && now - missingSince >= (seen ? AGAIN_MS : BEGINNING_MS);
}
