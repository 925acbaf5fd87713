/**
 * Cuts a guest's bytes into lines within bounds of length and rate. Pure: `now` is a value.
 */
import { ContractViolation, excerpt } from './contract.ts';

/** The longest answer is that of `counters`, of which a function may fill 30,000 bytes. */
export const MAX_LINE_BYTES = 32_768;
/** What a guest may say at once, and every second from then on. A chatty one would keep the controller busy. */
export const BURST_BYTES = 262_144;
export const BYTES_PER_SECOND = 65_536;

/** The cutter of one console connection. */
export class LineReader {
  #rest = '';
  #budget = BURST_BYTES;
  #paidAt: number;

  constructor(now: number) {
    this.#paidAt = now;
  }

  /**
   * Takes bytes as they come, gives the lines that are complete, without their ends.
   *
   * @throws ContractViolation `flood`, `line-too-long`, `not-ascii`; the reader is of no use after that
   */
  push(bytes: Uint8Array, now: number): readonly string[] {
    this.#spend(bytes.byteLength, now);
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
    // Bytes may come one at a time: splitting again at each of them would cost the square of the length.
    const parts = text.includes('\n') ? (this.#rest + text).split('\n') : [this.#rest + text];
    this.#rest = parts.pop() ?? '';
    for (const part of [...parts, this.#rest]) {
      if (part.length > MAX_LINE_BYTES)
        throw new ContractViolation(
          'line-too-long',
          `the guest sent a line of more than ${MAX_LINE_BYTES} bytes`,
        );
    }
    return parts.map(printable);
  }

  #spend(bytes: number, now: number): void {
    const earned = (Math.max(0, now - this.#paidAt) * BYTES_PER_SECOND) / 1000;
    this.#budget = Math.min(BURST_BYTES, this.#budget + earned) - bytes;
    this.#paidAt = now;
    if (this.#budget < 0)
      throw new ContractViolation('flood', `the guest says more than ${BYTES_PER_SECOND} bytes a second`);
  }
}

/** A terminal would obey control characters, so none gets past here. */
function printable(line: string): string {
  const text = line.endsWith('\r') ? line.slice(0, -1) : line;
  if (!/^[\x20-\x7e]*$/.test(text))
    throw new ContractViolation(
      'not-ascii',
      `the guest sent bytes that are not text: ${excerpt(JSON.stringify(text))}`,
    );
  return text;
}
