import t from 'tap';
import { SETTINGS } from '../../../src/config/table.ts';
import { LOG_LEVELS, openLog, silentLog } from '../../../src/telemetry/log.ts';

function lines(): { stream: { write(line: string): void }; entries: Record<string, unknown>[] } {
  const entries: Record<string, unknown>[] = [];
  return { stream: { write: (line) => void entries.push(JSON.parse(line)) }, entries };
}

t.test('one JSON object a line, with level, time and part', async (t) => {
  const { stream, entries } = lines();
  openLog('info', stream).child({ part: 'nf' }).warn({ instance: 'i1' }, 'gone');
  t.match(entries, [{ level: 'warn', part: 'nf', instance: 'i1', msg: 'gone', time: /^\d{4}-.*Z$/ }]);
});

t.test('the level is a threshold', async (t) => {
  const { stream, entries } = lines();
  const log = openLog('error', stream);
  log.warn('no');
  log.error('yes');
  t.equal(entries.length, 1);
  t.doesNotThrow(() => silentLog().fatal('nothing'));
});

t.test('secrets are left out', async (t) => {
  const { stream, entries } = lines();
  openLog('info', stream).info({
    token: 'abc',
    req: { headers: { authorization: 'Bearer abc' } },
    peer: { password: 'abc' },
  });
  t.notMatch(JSON.stringify(entries), 'abc');
  t.match(entries[0], { token: '[redacted]' });
});

t.test('secrets are left out wherever they stand in a line', async (t) => {
  const { stream, entries } = lines();
  const log = openLog('info', stream).child({ part: 'p', token: 'abc' });
  log.info({ err: Object.assign(new Error('x'), { token: 'abc' }), a: { headers: { cookie: 'abc' } } });
  log.info({ req: { headers: { Authorization: 'Bearer abc' } }, apiKey: 'abc', client_secret: 'abc' });
  log.warn(`refused Bearer abc. and cst_${'0'.repeat(20)}_abc-abc`);
  log.info({ deep: { deeper: { deepest: { password: 'a"abc' } } }, list: [{ secret: 'abc' }] });
  t.notMatch(JSON.stringify(entries), 'abc');
  t.equal(entries.length, 4, 'and each is still a line of JSON');
  t.match(entries[2], { msg: 'refused Bearer [redacted] and [redacted]' });
  log.info({ tokens: 3, keys: ['a'], reqId: 'r', part: 'q' }, 'the token of a switch');
  t.match(
    entries[4],
    { tokens: 3, keys: ['a'], reqId: 'r', msg: 'the token of a switch' },
    'what is none stays',
  );
});

t.test('the setting offers the levels that there are', async (t) => {
  t.same(SETTINGS['log-level'].type.of, LOG_LEVELS);
});
