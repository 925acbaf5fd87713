import { mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import t from 'tap';

import { NameLists } from '../../../src/nf/name-lists.ts';
import { keyOf, makeTable, readList } from '../../../src/nf/names.ts';

t.test('a key is the name backwards', async (t) => {
  t.equal(keyOf('WWW.Example.org.'), 'org\x01example\x01www\x01');
  t.equal(keyOf('_DMARC.-a_b-.org'), 'org\x01-a_b-\x01_dmarc\x01');
  t.equal(keyOf(`${'a.'.repeat(126)}a`)?.length, 254);
  for (const bad of [
    '',
    '.',
    'a..b',
    '.a',
    'a b',
    '*.a',
    'é.org',
    '\u212a.org',
    'a'.repeat(64),
    `${'a.'.repeat(126)}ab`,
  ])
    t.equal(keyOf(bad), undefined, JSON.stringify(bad));
});

t.test('a list has a name a line', async (t) => {
  t.strictSame(readList('# all\n\nexample.org # one\r\n  a.example.net\n'), [
    'org\x01example\x01',
    'net\x01example\x01a\x01',
  ]);
  t.throws(
    () => readList('example.org\n0.0.0.0 example.net\n'),
    /^line 2: "0.0.0.0 example.net" is not a name/,
  );
});

t.test('a table is sorted, without what is below another, and shares what is shared', async (t) => {
  const keys = ['b.org', 'a.org', 'x.a.org', 'a.org', 'aa.org'].map((name) => keyOf(name) ?? '');
  const entries = '\x06org\x01a\x01\x05\x02a\x01\x04\x02b\x01';
  t.strictSame(makeTable(keys), Buffer.from(`CSN1\x03\0\0\0\x0c\0\0\0${entries}`, 'latin1'));
  t.strictSame(makeTable([]), Buffer.from('CSN1\0\0\0\0', 'latin1'));
});

t.test('lists become one file, again when one of them has changed', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'lists-'));
  t.teardown(() => rmSync(directory, { recursive: true }));
  const lists = new NameLists(directory, join(directory, 'tables'));
  const write = (name: string, text: string): void => writeFileSync(join(directory, `${name}.txt`), text);
  write('one', 'a.org\n');
  write('two', 'b.org\n');
  const table = lists.table(['one', 'two']);
  t.strictSame(readFileSync(table), makeTable(['org\x01a\x01', 'org\x01b\x01']));
  t.equal(lists.table(['one', 'two']), table);
  write('two', 'c.org\n');
  utimesSync(join(directory, 'two.txt'), 1, 1);
  const other = lists.table(['one', 'two']);
  t.not(other, table);
  t.strictSame(
    readFileSync(table),
    makeTable(['org\x01a\x01', 'org\x01b\x01']),
    'guests may still have the old one',
  );
  t.throws(() => lists.table(['one', 'three']), {
    code: 'host-failed',
    message: /the list three cannot be used: ENOENT/,
  });
  write('bad', 'a b\n');
  t.throws(() => lists.table(['bad']), { message: /the list bad cannot be used: line 1: "a b"/ });
  t.throws(() => lists.table(['../one']), { message: /"..\/one" cannot be the name of a list/ });
});
