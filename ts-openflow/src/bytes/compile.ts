/**
 * Structures are read and written by functions made of their tables with `new Function`, once, when a structure is
 * first met. Such a function makes its object as a literal and has its own inline caches; one loop for all
 * structures, with names in variables, takes several times as long. Nothing but the tables of this library gets
 * into them.
 */
import type { Codec } from './codec.ts';
import { join64, type Reader } from './reader.ts';
import type { Writer } from './writer.ts';

/** A number of fixed width, with zeros before and after it. */
export interface Fixed {
  readonly before: number;
  readonly bytes: 1 | 2 | 4 | 8;
  readonly after: number;
}

export type Entries = readonly (readonly [string, Codec<unknown>])[];

/** Neighbours of fixed width share one check of the bounds. */
interface Run {
  readonly bytes: number;
  readonly fields: readonly { readonly index: number; readonly at: number; readonly fixed: Fixed }[];
}

/** The fields by index: a run of them, or one that has to be called. */
function plan(entries: Entries): (Run | number)[] {
  const steps: (Run | number)[] = [];
  for (const [index, [, { fixed }]] of entries.entries()) {
    if (!fixed) {
      steps.push(index);
      continue;
    }
    const last = steps.at(-1);
    const run = typeof last === 'object' ? (steps.pop() as Run) : { bytes: 0, fields: [] };
    const at = run.bytes + fixed.before;
    steps.push({ bytes: at + fixed.bytes + fixed.after, fields: [...run.fields, { index, at, fixed }] });
  }
  return steps;
}

const u8At = (at: number) => `b[o+${at}]`;
const u16At = (at: number) => `(${u8At(at)}<<8|${u8At(at + 1)})`;
const u32At = (at: number) => `((${u16At(at)}<<16|${u16At(at + 2)})>>>0)`;
const u64At = (at: number) => `join64(${u32At(at)},${u32At(at + 4)})`;
const readAt = { 1: u8At, 2: u16At, 4: u32At, 8: u64At } as const;

/** What is read besides the fields: zeros behind them; a `type` and things given before them. */
interface Besides {
  readonly trailing: number;
  readonly type: string;
  readonly given: readonly string[];
}

type Read = (r: Reader, ...given: unknown[]) => object;

/** A function that reads the fields and gives an object of them. A tracing reader gets `slow`. */
export function compileRead(entries: Entries, slow: Read, besides?: Besides): Read {
  const { trailing, type, given } = { trailing: 0, type: undefined, given: [], ...besides };
  const lines: string[] = [];
  for (const step of plan(entries)) {
    if (typeof step === 'number') {
      lines.push(`const f${step}=codecs[${step}].read(r);`);
      continue;
    }
    lines.push(`o=r.take(${step.bytes});`);
    for (const { index, at, fixed } of step.fields) lines.push(`const f${index}=${readAt[fixed.bytes](at)};`);
  }
  if (trailing > 0) lines.push(`r.take(${trailing});`);
  const properties = [
    ...(type === undefined ? [] : [`type:${JSON.stringify(type)}`]),
    ...given.map((name, index) => `${key(name)}:g${index}`),
    ...entries.map(([name], index) => `${key(name)}:f${index}`),
  ];
  const args = ['r', ...given.map((_, index) => `g${index}`)].join(',');
  const source = `return function(${args}){if(r.tracing)return slow(${args});const b=r.bytes;let o=0;${lines.join('')}return {${properties.join(',')}};}`;
  return make(source, entries, slow);
}

/** A computed name would make the literal slow; but the plain one would set a prototype. */
const key = (name: string) => (name === '__proto__' ? `['__proto__']` : JSON.stringify(name));

/** The function that `source` returns, or `slow` where code may not be made from strings. */
function make<F>(source: string, entries: Entries, slow: F): F {
  const codecs = entries.map(([, codec]) => codec);
  try {
    return new Function('codecs', 'join64', 'slow', source)(codecs, join64, slow);
  } catch (error) {
    if (error instanceof EvalError) return slow;
    throw error;
  }
}

const fits = {
  1: (v: string) => `(${v}&255)===${v}`,
  2: (v: string) => `(${v}&65535)===${v}`,
  4: (v: string) => `${v}>>>0===${v}`,
  8: (v: string) => `typeof ${v}==='bigint'&&${v}>=0n&&${v}<=0xffffffffffffffffn`,
} as const;

function writeAt(v: string, at: number, bytes: Fixed['bytes']): string {
  if (bytes === 8) return `w.put64(o+${at},${v});`;
  return Array.from({ length: bytes }, (_, n) => `b[o+${at + n}]=${v}>>>${8 * (bytes - 1 - n)};`).join('');
}

type Write = (w: Writer, value: object) => void;

/** A function that writes the fields of an object. A tracing writer gets `slow`. */
export function compileWrite(entries: Entries, slow: Write): Write {
  const lines: string[] = [];
  for (const step of plan(entries)) {
    if (typeof step === 'number') {
      lines.push(`codecs[${step}].write(w,v[${JSON.stringify(entries[step]?.[0])}]);`);
      continue;
    }
    for (const { index, fixed } of step.fields) {
      lines.push(`const f${index}=v[${JSON.stringify(entries[index]?.[0])}];`);
      lines.push(`if(!(${fits[fixed.bytes](`f${index}`)}))w.fail('a number that does not fit');`);
    }
    lines.push(`o=w.take(${step.bytes});b=w.bytes;`);
    for (const { index, at, fixed } of step.fields) {
      for (let n = at - fixed.before; n < at; n++) lines.push(`b[o+${n}]=0;`);
      lines.push(writeAt(`f${index}`, at, fixed.bytes));
      for (let n = 0; n < fixed.after; n++) lines.push(`b[o+${at + fixed.bytes + n}]=0;`);
    }
  }
  const source = `return function(w,v){if(w.tracing)return slow(w,v);let o=0,b;${lines.join('')}}`;
  return make(source, entries, slow);
}
