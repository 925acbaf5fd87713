#!/usr/bin/env node
/**
 * Stands in for the emulator where a guest has to do what no real one can be brought to do. It opens the
 * console that its arguments name, and behaves as the name of its image says.
 */
import { rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { basename } from 'node:path';

const chardev = process.argv.find((argument) => argument.startsWith('socket,')) ?? '';
const path = /path=([^,]*)/.exec(chardev)?.[1] ?? '';
const id = /chainstitch\.id=(\S+)/.exec(process.argv.join(' '))?.[1] ?? '';
const behaviour = basename(process.argv[process.argv.indexOf('-kernel') + 1] ?? '');
const ready = `ready contract=1 function=fake id=${id} revision=1\n`;

// As the emulator does with a socket that its predecessor has left.
rmSync(path, { force: true });
createServer((socket) => {
  socket.on('error', () => {});
  const say = (text: string | Buffer) => socket.write(text);
  socket.on('data', (bytes) => {
    for (const request of bytes.toString().split('\n')) {
      if (request === 'hello' && behaviour !== 'wrong-contract') say(ready);
      if (request === 'health') say('health ok\n');
      if (request === 'counters' && behaviour === 'bad-counters') say('counters {"left":[]}\n');
    }
  });
  switch (behaviour) {
    case 'flood': {
      say(ready);
      const flood = (): void => {
        if (!socket.destroyed) socket.write(`log ${'x'.repeat(1000)}\n`.repeat(64), flood);
      };
      flood();
      break;
    }
    case 'garbage':
      say(`${ready}\x00\xff\x1b[2J\n`);
      break;
    case 'endless-line':
      say(ready + 'x'.repeat(100_000));
      break;
    case 'unasked':
      say(`${ready}config ok revision=9\n`);
      break;
    case 'impostor':
      say(ready.replace(`id=${id}`, 'id=i99999'));
      break;
    case 'wrong-contract':
      say(ready.replace('contract=1', 'contract=2'));
      break;
    case 'hang-up':
      say(ready);
      setTimeout(() => socket.destroy(), 50);
      break;
    case 'complain':
      process.stderr.write('fake-emulator: something is odd\n');
      say(ready);
      break;
  }
}).listen(path);
