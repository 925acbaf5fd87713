import { spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** Debian's packages are there for the system's Python alone. */
const python = existsSync('/usr/bin/python3') ? '/usr/bin/python3' : 'python3';

export type Direction = 'decode' | 'encode';

/** A library with messages loaded; indices are those of the messages. */
export interface Peer {
  load(messages: readonly Uint8Array[]): Promise<{ read: number[]; written: number[] }>;
  rate(direction: Direction, of: readonly number[], seconds: number): Promise<number>;
  stop(): void;
}

/** The packages of Debian that are not there. */
export function missing(): string[] {
  const packages = { os_ken: 'python3-os-ken', pyof: 'python3-openflow' };
  return Object.entries(packages)
    .filter(([module]) => spawnSync(python, ['-c', `import ${module}`], { stdio: 'ignore' }).status !== 0)
    .map(([, name]) => name);
}

/** Starts Python with one of its libraries. */
export async function peer(library: string): Promise<Peer & { python: string }> {
  const child = spawn(python, [fileURLToPath(new URL('./peers.py', import.meta.url)), library], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const answer = async () => {
    const { value, done } = await lines.next();
    if (done) throw new Error(`${library} ended`);
    return JSON.parse(value);
  };
  const ask = (question: object) => {
    child.stdin.write(`${JSON.stringify(question)}\n`);
    return answer();
  };
  return {
    python: (await answer()).ready,
    load: (messages) => ask({ load: messages.map((bytes) => Buffer.from(bytes).toString('hex')) }),
    rate: async (direction, of, seconds) => (await ask({ rate: direction, of, seconds })).perSecond,
    stop: () => child.stdin.end(),
  };
}
