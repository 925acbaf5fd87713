import t from 'tap';
import { EventParser } from '../../../src/cli/event-stream.ts';

t.test('events come out whole, however they are cut', async (t) => {
  const text =
    'retry: 1000\n\n: still here\n\nid: 7\nevent: chains.created\ndata: {"a":1}\n\nid: 8\ndata: x\ndata: y: z\n\nid: 9\ndata: half';
  const expected = [
    { name: 'chains.created', id: '7', data: '{"a":1}' },
    { name: 'message', id: '8', data: 'x\ny: z' },
  ];
  for (let size = 1; size <= text.length; size++) {
    const parser = new EventParser();
    const found = [];
    for (let at = 0; at < text.length; at += size) found.push(...parser.take(text.slice(at, at + size)));
    t.same(found, expected, `in pieces of ${size}`);
  }
});

t.test('an event without end is refused', async (t) => {
  const parser = new EventParser();
  t.throws(() => {
    for (let i = 0; i < 100; i++) parser.take('x'.repeat(100_000));
  }, RangeError);
});
