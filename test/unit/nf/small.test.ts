/** The small parts: the bound on parallel work, the emulator's log, the choice of a configuration. */
import { appendFileSync, closeSync, mkdtempSync, rmSync, statSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { systemClock, within } from '../../../src/nf/clock.ts';
import { bootConfiguration, tooLong } from '../../../src/nf/configuration.ts';
import { limit } from '../../../src/nf/limit.ts';
import { LogFile } from '../../../src/nf/logfile.ts';
import { isStuck, nextPassage, UNKNOWN_PASSAGE } from '../../../src/nf/passage.ts';

t.test('at most so many at once, in order, also when some fail', async (t) => {
  const run = limit(3);
  let running = 0;
  let most = 0;
  const order: number[] = [];
  const tasks = Array.from({ length: 20 }, (_, number) =>
    run(async () => {
      order.push(number);
      most = Math.max(most, ++running);
      await new Promise((resolve) => setImmediate(resolve));
      running--;
      if (number % 4 === 0) throw new Error('failed');
      return number;
    }),
  );
  const results = await Promise.allSettled(tasks);
  t.equal(most, 3);
  t.strictSame(
    order,
    Array.from({ length: 20 }, (_, number) => number),
  );
  t.equal(results.filter(({ status }) => status === 'rejected').length, 5);
  t.equal(await run(async () => 'free again'), 'free again');
});

t.test('an emulator’s log is read once and does not grow for ever', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'csnf-'));
  t.teardown(() => rmSync(directory, { recursive: true }));
  const path = join(directory, 'log');
  const log = new LogFile(path);
  t.strictSame(log.newLines(), [], 'no file yet');
  const writer = LogFile.openForAppending(path);
  t.teardown(() => closeSync(writer));
  writeSync(writer, 'one\ntwo\n\n');
  t.strictSame(log.newLines(), ['one', 'two']);
  t.strictSame(log.newLines(), []);
  writeSync(writer, 'three\n');
  t.strictSame(log.newLines(), ['three']);
  const later = new LogFile(path);
  later.skip();
  t.strictSame(later.newLines(), [], 'what an earlier run has read');

  for (let i = 0; i < 5000; i++) appendFileSync(path, `${'x'.repeat(50)} ${i}\n`);
  const last = log.newLines();
  t.equal(last.length, 20);
  t.match(last.at(-1), /4999$/);
  t.equal(statSync(path).size, 0, 'begun anew');
  writeSync(writer, 'four\n');
  t.strictSame(log.newLines(), ['four'], 'by who has it open');
});

t.test('what a guest boots with', async (t) => {
  const good = { revision: 1, config: { a: 1 } };
  const wanted = { revision: 2, config: { a: 2 } };
  const long = { revision: 3, config: { text: 'x'.repeat(262_144) } };
  t.strictSame(bootConfiguration(wanted, undefined, undefined), wanted);
  t.strictSame(bootConfiguration(wanted, undefined, good), wanted);
  t.strictSame(bootConfiguration(wanted, 2, good), good, 'refused: the last good one');
  t.strictSame(bootConfiguration(wanted, 2, undefined), wanted, 'refused, and there is no other');
  t.strictSame(bootConfiguration(long, undefined, good), good);
  t.throws(() => bootConfiguration(long, undefined, undefined), { code: 'host-failed' });
  t.equal(tooLong({ text: 'x'.repeat(262_144 - '{"text":""}'.length) }), undefined, 'the longest');
  t.match(tooLong({ text: 'x'.repeat(262_145 - '{"text":""}'.length) }), /262145 bytes/);
  t.match(tooLong({ text: 'ü'.repeat(132_000) }), /bytes/, 'bytes count, not letters');
});

t.test('a deadline', async (t) => {
  t.equal(await within(systemClock, 1000, Promise.resolve('in time')), 'in time');
  t.equal(await within(systemClock, 1, new Promise(() => {})), undefined);
  await t.rejects(within(systemClock, 1000, Promise.reject(new Error('failed'))), { message: 'failed' });
});

t.test('whether frames get through', async (t) => {
  const lost = nextPassage(UNKNOWN_PASSAGE, false, 1000);
  t.notOk(isStuck(lost, 8999), 'a guest that has just begun has time');
  t.ok(isStuck(nextPassage(lost, false, 5000), 9000), 'but not for ever');
  const seen = nextPassage(lost, true, 2000);
  const again = nextPassage(seen, false, 3000);
  t.notOk(isStuck(again, 3000), 'one look is none');
  t.ok(isStuck(nextPassage(again, false, 3500), 3500));
  t.notOk(isStuck(nextPassage(again, undefined, 3500), 9000), 'who does not know does not accuse');
});
