import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import t from 'tap';
import {
  EncodeError,
  encode,
  flowCommands,
  groups,
  noBuffer,
  parseFlow,
  ports,
  printFlow,
  TextError,
} from '../src/index.ts';

const texts = readFileSync(new URL('./vectors/commands.txt', import.meta.url), 'utf8')
  .split('\n')
  .flatMap((line) => /add-flow BR (.*)$/.exec(line)?.[1] ?? []);

const pieces = fc.constantFrom(
  ...'0 1 9 f x , / : ( ) [ ] -> = . .. - + | 0x ffff reg0 NXM_NX_REG0[] drop'.split(' '),
  '',
);

const broken = fc
  .record({
    text: fc.constantFrom(...texts),
    changes: fc.array(fc.record({ at: fc.nat(), cut: fc.integer({ min: 0, max: 4 }), put: pieces }), {
      minLength: 1,
      maxLength: 4,
    }),
  })
  .map(({ text, changes }) =>
    changes.reduce((now, { at, cut, put }) => {
      const from = at % (now.length + 1);
      return now.slice(0, from) + put + now.slice(from + cut);
    }, text),
  );

const whole = { bufferId: noBuffer, outPort: ports.any, outGroup: groups.any, cookieMask: 0n };

t.test('changed text gives a flow that prints and encodes, or an error that says so', async () => {
  fc.assert(
    fc.property(broken, (text) => {
      try {
        const flow = parseFlow(text);
        printFlow(flow);
        encode({ type: 'flowMod', version: 6, xid: 1, command: flowCommands.add, ...whole, ...flow });
      } catch (error) {
        if (!(error instanceof TextError || error instanceof EncodeError)) throw error;
      }
    }),
    { numRuns: 20_000, seed: 5 },
  );
});
