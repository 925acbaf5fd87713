#!/usr/bin/env node
import { parseArgs } from 'node:util';
import { answer, decodeLine, encodeLine, printStream } from './ofprint-run.ts';

const usage = `usage: ofprint [--decode | --encode] < input

Without an option: OpenFlow messages, as a raw stream or as hexadecimal text (a line may hold several
messages; blanks do not matter), are printed for people to read.
  --decode  lines {"id", "hex"} become {"id", "ok": true, "msg"} or {"id", "ok": false, "error"}
  --encode  lines {"id", "msg"} become {"id", "ok": true, "hex"} or {"id", "ok": false, "error"}
In JSON a bigint is "0x...", bytes are "hex:...", and "str:" stands before a string that looks like these.
`;

const { values } = parseArgs({
  options: {
    decode: { type: 'boolean', default: false },
    encode: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

async function readAll(): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** One answer for each line, as it comes. */
async function perLine(handle: (line: string) => string): Promise<void> {
  let rest = '';
  process.stdin.setEncoding('utf8');
  for await (const chunk of process.stdin) {
    const lines = (rest + String(chunk)).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) if (line.trim() !== '') process.stdout.write(`${handle(line)}\n`);
  }
  if (rest.trim() !== '') process.stdout.write(`${handle(rest)}\n`);
}

if (values.help) process.stdout.write(usage);
else if (values.decode) await perLine((line) => answer(line, decodeLine));
else if (values.encode) await perLine((line) => answer(line, encodeLine));
else {
  const { lines, failed } = printStream(await readAll());
  for (const line of lines) process.stdout.write(`${line}\n`);
  if (failed) process.exitCode = 1;
}
