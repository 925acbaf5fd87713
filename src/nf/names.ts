/**
 * Lists of names as a function looks them up: unikernels/functions/filter/names.h tells the form. Pure.
 */

const MAGIC = 'CSN1';
const GROUP = 16;
const LABEL_END = '\x01';
/** Of a key: a name of 253 characters and the end of its last label. */
const MAX_KEY = 254;
const LABEL = /^[A-Za-z0-9_-]{1,63}$/;

/** `www.Example.org` as `org\x01example\x01www\x01`; undefined when it is no name. */
export function keyOf(name: string): string | undefined {
  const labels = name.replace(/\.$/, '').split('.');
  if (!labels.every((label) => LABEL.test(label))) return undefined;
  const key = labels.reverse().join(LABEL_END).toLowerCase() + LABEL_END;
  return key.length > MAX_KEY ? undefined : key;
}

/**
 * The keys of a list: a name a line; what follows a `#`, and blanks, are nothing.
 *
 * @throws Error that says which line is no name
 */
export function readList(text: string): readonly string[] {
  const keys: string[] = [];
  for (const [index, line] of text.split('\n').entries()) {
    const name = line.replace(/#.*/, '').trim();
    if (name === '') continue;
    const key = keyOf(name);
    if (key === undefined)
      throw new Error(
        `line ${index + 1}: ${JSON.stringify(name.slice(0, 80))} is not a name like example.org`,
      );
    keys.push(key);
  }
  return keys;
}

/** A table of these keys. One below another adds nothing and is left out. */
export function makeTable(keys: readonly string[]): Buffer {
  const kept: string[] = [];
  for (const key of [...keys].sort()) {
    const last = kept.at(-1);
    if (last === undefined || !key.startsWith(last)) kept.push(key);
  }
  const begins = Buffer.alloc(Math.ceil(kept.length / GROUP) * 4);
  const header = Buffer.alloc(8);
  header.write(MAGIC, 'latin1');
  header.writeUInt32LE(kept.length, 4);
  const parts: Buffer[] = [];
  let at = header.length + begins.length;
  for (const [i, key] of kept.entries()) {
    const first = i % GROUP === 0;
    if (first) begins.writeUInt32LE(at, (i / GROUP) * 4);
    const shared = first ? 0 : sharedBy(kept[i - 1] ?? '', key);
    const rest = Buffer.from(key.slice(shared), 'latin1');
    const part = Buffer.from(first ? [rest.length] : [shared, rest.length]);
    parts.push(part, rest);
    at += part.length + rest.length;
  }
  return Buffer.concat([header, begins, ...parts]);
}

function sharedBy(a: string, b: string): number {
  let count = 0;
  while (count < a.length && a[count] === b[count]) count++;
  return count;
}
