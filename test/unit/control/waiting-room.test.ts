import t from 'tap';
import { Idleness } from '../../../src/control/idleness.ts';
import { WAITING_LIMITS, WaitingRoom } from '../../../src/control/waiting-room.ts';
import type { Dpid, Name, OfPort, OwnerId, PathId } from '../../../src/model/ids.ts';
import { EMPTY_STEERING, type PathRecord } from '../../../src/model/steering.ts';

const DPID = '0000000000000001' as Dpid;
const path = (id: number): PathId => id as PathId;
const packet = (text: string, size = 60) => ({
  dpid: DPID,
  port: 1 as OfPort,
  frame: Buffer.alloc(size, text),
});
const open = (): boolean => false;
const inForce = (): number => Number.POSITIVE_INFINITY;
const textOf = (released: ReturnType<WaitingRoom['release']>): string[] =>
  (released.get(DPID) ?? []).map(({ frame }) => String.fromCharCode(frame[0] ?? 0));

t.test('packets wait until the switch has confirmed the turn in which their path opened', async (t) => {
  const room = new WaitingRoom();
  room.keep(path(1), packet('a'), 0);
  room.keep(path(2), packet('b'), 0);
  room.keep(path(1), packet('c'), 0);
  t.strictSame([...room.called], [1, 2]);
  const isHeld = (id: PathId): boolean => id === 2;
  t.strictSame(textOf(room.release(7, isHeld, () => 6)), []);
  t.strictSame([...room.called], [2], 'who is let in calls no more');
  t.strictSame(textOf(room.release(8, isHeld, () => 7)), ['a', 'c'], 'in their order');
  t.strictSame(textOf(room.release(9, open, () => 8)), []);
  t.strictSame(textOf(room.release(9, open, () => 9)), ['b']);
  t.equal(room.bytes, 0);
});

t.test('what is kept is bounded, and the oldest goes first', async (t) => {
  const room = new WaitingRoom();
  const size = WAITING_LIMITS.bytesOfOne / 4 - WAITING_LIMITS.bytesBesides;
  for (const text of 'abcdef') room.keep(path(1), packet(text, size), 0);
  t.strictSame([...room.overfull], [1]);
  t.equal(room.takeDropped(), 2);
  t.equal(room.takeDropped(), 0);
  t.strictSame(textOf(room.release(1, open, inForce)), ['c', 'd', 'e', 'f']);
  t.strictSame([...room.overfull], []);

  const paths = WAITING_LIMITS.bytesInAll / WAITING_LIMITS.bytesOfOne;
  for (let id = 1; id <= paths + 1; id++)
    for (const text of 'abcd') room.keep(path(id), packet(text, size), 0);
  t.equal(room.bytes, WAITING_LIMITS.bytesInAll);
  t.equal(room.takeDropped(), 4);
  // Packets without a byte cost something, too.
  const tiny = new WaitingRoom();
  for (let i = 0; i < 1000; i++) tiny.keep(path(1), packet('', 0), 0);
  t.ok(tiny.bytes <= WAITING_LIMITS.bytesOfOne);
});

t.test('nobody waits for ever', async (t) => {
  const room = new WaitingRoom();
  room.keep(path(1), packet('a'), 100);
  room.keep(path(1), packet('b'), 200);
  t.equal(room.expiresAt, 100 + WAITING_LIMITS.heldMs);
  room.expire(100 + WAITING_LIMITS.heldMs);
  t.equal(room.takeDropped(), 1);
  t.equal(room.expiresAt, 200 + WAITING_LIMITS.heldMs);
  room.expire(200 + WAITING_LIMITS.heldMs);
  t.equal(room.expiresAt, undefined);
  t.strictSame([...room.called], [1], 'the call stands');
  room.release(1, open, inForce);
  t.strictSame([...room.called], []);
});

t.test('a path is idle when its counts have not changed for as long as its hops say', async (t) => {
  const hops = [5, 3].map((idleAfter, i) => ({
    instance: `i${i}` as never,
    onFailure: 'closed' as const,
    onDemand: { firstPacket: 'hold' as const, idleAfter },
  }));
  const record: PathRecord = {
    id: path(1),
    owner: 1 as OwnerId,
    chain: 'c' as Name,
    subscriber: 'alice' as Name,
    switch: 's1' as Name,
    hops,
    state: { phase: 'current' },
    demand: { phase: 'awake' },
  };
  const steering = { ...EMPTY_STEERING, paths: new Map([[record.id, record]]) };
  const idleness = new Idleness();
  t.ok(idleness.concerns(steering));
  const find = (packets: number, at: number | undefined): number[] => {
    const point = { owner: record.owner, subscriber: 'alice' as Name, at: { kind: 'entered' } } as const;
    const counted = (['upstream', 'downstream'] as const).map((direction) => ({
      point: { ...point, direction },
      packets: packets / 2,
      bytes: 0,
    }));
    return [...idleness.find(steering, { counted, at: () => at })];
  };
  t.strictSame(find(2, undefined), [], 'of a switch that was not read nothing is known');
  t.strictSame(find(2, 0), []);
  t.strictSame(find(4, 4000), [], 'traffic');
  t.strictSame(find(4, 8999), []);
  t.strictSame(find(4, 9000), [1], 'the longest of its hops');
  const again = {
    ...steering,
    paths: new Map([[record.id, { ...record, demand: { phase: 'awake' as const } }]]),
  };
  t.strictSame([...idleness.find(again, { counted: [], at: () => 20_000 })], []);
  t.strictSame(
    [
      ...idleness.find(
        { ...again, paths: new Map([[record.id, record]]) },
        { counted: [], at: () => 30_000 },
      ),
    ],
    [],
    'it slept and woke since: what was before does not count',
  );
  const asleep = new Map([[record.id, { ...record, demand: { phase: 'asleep' as const } }]]);
  t.notOk(idleness.concerns({ ...steering, paths: asleep }));
});
