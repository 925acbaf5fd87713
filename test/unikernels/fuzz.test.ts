/**
 * Damaged frames for every function in a booted guest, and the fuzzer for the host shown to find a fault. The long
 * form is `npm run fuzz`: a million frames for each function, in both forms.
 */
import { execFile } from 'node:child_process';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';

import t from 'tap';

import { buildImages, ISOLATIONS, startMachine } from './machine.ts';
import { ethernet, ipv4, udp, Wire } from './wire.ts';

buildImages();

const unikernels = resolve(import.meta.dirname, '../../unikernels');
const { GUEST_FRAMES, GUEST_SEED } = process.env;
const long = GUEST_FRAMES !== undefined;
const FRAMES = Number(GUEST_FRAMES ?? 10_000);
const SEED = Number(GUEST_SEED ?? Date.now() % 1_000_000);
const BATCH = 5000;

const functions = readdirSync(join(unikernels, 'functions'), { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name);

/** ICMP errors and IPv6 come of damage to these, too: what stands in front is damaged most. */
const FRAMES_TO_DAMAGE = [
  ipv4(17, '10.0.0.2', '192.0.2.1', udp(5000, 53)),
  ipv4(17, '192.0.2.1', '10.0.0.2', udp(53, 5000, Buffer.alloc(200, 0x01))),
  ipv4(17, '0.0.0.0', '255.255.255.255', udp(68, 67, Buffer.alloc(260, 0x01))),
  ipv4(6, '10.0.0.2', '192.0.2.1', Buffer.from('138800500000000100000000500203e800000000', 'hex')),
  ipv4(1, '10.0.0.2', '192.0.2.1', Buffer.from('0800000000010001', 'hex')),
  ipv4(
    1,
    '192.0.2.1',
    '10.0.0.2',
    Buffer.concat([
      Buffer.from('0303000000000000', 'hex'),
      ipv4(17, '10.0.0.2', '192.0.2.1', udp(5000, 53)).subarray(14),
    ]),
  ),
  ethernet(
    0x86dd,
    Buffer.from(
      `6000000000143a40${'20010db8'.padEnd(32, '0')}${'20010db8'.padEnd(32, '1')}${'8000'.padEnd(40, '0')}`,
      'hex',
    ),
  ),
  ethernet(
    0x86dd,
    Buffer.from(
      `6000000000142c40${'20010db8'.padEnd(32, '0')}${'20010db8'.padEnd(32, '1')}1100000100000001${'1388'.padEnd(24, '0')}`,
      'hex',
    ),
  ),
  ethernet(
    0x8100,
    Buffer.concat([
      Buffer.from('00050800', 'hex'),
      ipv4(17, '10.0.0.2', '192.0.2.1', udp(5000, 53)).subarray(14),
    ]),
  ),
  ethernet(0x0806, Buffer.from('0001080006040001020000000001'.padEnd(92, '0'), 'hex')),
  ethernet(0x88b5, Buffer.alloc(1486, 0x55)),
];

const residentKib = (pids: readonly number[]): number =>
  pids.reduce(
    (sum, pid) => sum + Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1]),
    0,
  );

for (const name of functions)
  for (const isolation of long ? ISOLATIONS : (['vm'] as const))
    t.test(
      `${name}, ${isolation}: ${FRAMES} damaged frames, seed ${SEED}`,
      { timeout: 3_600_000 },
      async (t) => {
        const config = readFileSync(join(unikernels, 'fuzz/configs', name, '1.json'), 'utf8').trim();
        const { namespace, console, machine } = await startMachine(t, { isolation, function: name, config });
        const wire = await Wire.open(t, namespace);
        const received = async (): Promise<number> => {
          const { left, right } = await console.counters();
          return left.rxPackets + right.rxPackets;
        };
        let halfway = 0;
        for (let batch = 0, count = 0; count < FRAMES; batch++, count = await received()) {
          await wire.mutate(FRAMES_TO_DAMAGE, BATCH, SEED + batch);
          if (halfway === 0 && count >= FRAMES / 2) halfway = residentKib(machine.pids());
        }
        const grown = residentKib(machine.pids()) - halfway;
        t.ok(halfway > 0 && grown < 4096, `memory grew by ${grown} KiB in the second half`);
        t.equal(await console.answer('health', 'health ok'), 'health ok');
        // If buffers had not been given back, nothing would come in by now.
        const before = await received();
        for (let batch = 0; (await received()) === before; batch++)
          await wire.mutate(FRAMES_TO_DAMAGE, 100, batch);
        t.match(await console.configure(2, JSON.parse(config)), /^config ok/);
        t.equal(machine.complaints, '');
      },
    );

t.test('the fuzzer finds a fault that is there', async (t) => {
  const find = (): Promise<{ failed: boolean; said: string }> =>
    new Promise((resolve) => {
      const env = { ...process.env, FUZZ_SECONDS: '60' };
      const argv = ['-s', '-C', unikernels, 'fuzz-seeded'];
      execFile('make', argv, { env, maxBuffer: 2 ** 26 }, (error, stdout, stderr) =>
        resolve({ failed: error !== null, said: stdout + stderr }),
      );
    });
  rmSync(join(unikernels, 'build/fuzz/corpus/seeded'), { recursive: true, force: true });
  const { failed, said } = await find();
  t.ok(failed);
  t.match(said, /ERROR: AddressSanitizer: heap-buffer-overflow[\s\S]*fuzz: seeded: failed/);
});
