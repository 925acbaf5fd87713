import t from 'tap';
import {
  decode,
  EncodeError,
  encode,
  errorName,
  type Message,
  type MessageOf,
  MultipartAssembler,
  makeHello,
  multipartFlags,
  negotiate,
  offeredVersions,
} from '../src/index.ts';

t.test('versions are agreed on by bitmap, or by the header where there is none', async (t) => {
  t.equal(negotiate(makeHello(1)), 6);
  t.equal(negotiate(makeHello(1, [4])), 4);
  t.equal(negotiate(makeHello(1, [1, 4])), 4);
  t.equal(negotiate(makeHello(1, [1])), undefined);
  t.equal(negotiate({ type: 'hello', version: 4, xid: 1, elements: [] }), 4);
  t.equal(negotiate({ type: 'hello', version: 5, xid: 1, elements: [] }), 4);
  // The header says 1.6, the bitmap has 1.5.
  const bitmap = { type: 'versionBitmap', bitmaps: [(1 << 6) | (1 << 7)] } as const;
  t.equal(negotiate({ type: 'hello', version: 7, xid: 1, elements: [bitmap] }), 6);
  t.same([...offeredVersions(makeHello(1, [4, 6]))], [4, 6]);
  // There is no version 0; a bitmap of nothing else says nothing.
  const nothing = { type: 'versionBitmap', bitmaps: [1] } as const;
  t.equal(negotiate({ type: 'hello', version: 4, xid: 1, elements: [nothing] }), 4);
});

t.test('a hello and an error of a version that is not spoken are understood', async (t) => {
  t.match(decode(Uint8Array.from([1, 0, 0, 8, 0, 0, 0, 5])), { type: 'hello', version: 1, xid: 5 });
  const garbage = decode(Uint8Array.from([4, 0, 0, 13, 0, 0, 0, 5, 1, 2, 3, 4, 5]));
  t.equal(garbage.type === 'hello' && negotiate(garbage), 4);
  const error = decode(Uint8Array.from([5, 1, 0, 14, 0, 0, 0, 5, 0, 0, 0, 0, 0x6e, 0x6f]));
  t.match(error, { type: 'error', version: 5, errorType: 0, code: 0 });
});

t.test('errors have names', async (t) => {
  t.match(errorName({ errorType: 4, code: 9 }), { type: 'BAD_MATCH', code: 'BAD_PREREQ' });
  t.match(errorName({ errorType: 0xffff, experimenter: 0x2320, code: 15 }), { code: 'BAD_CONJUNCTION' });
  const bundle = { errorType: 0xffff, experimenter: 0x4f4e4600, code: 2313 };
  t.match(errorName(bundle), { type: 'BUNDLE_FAILED', code: 'MSG_FAILED' });
  t.equal(errorName({ errorType: 4, code: 99 }), undefined);
});

function part(xid: number, flags: number, groups: number[]): MessageOf<'groupStatsReply'> {
  const counts = { refCount: 0, packetCount: 0n, byteCount: 0n, sec: 0, nsec: 0, buckets: [] };
  return {
    type: 'groupStatsReply',
    version: 6,
    xid,
    flags,
    groups: groups.map((group) => ({ group, ...counts })),
  };
}

t.test('the parts of a reply become one', async (t) => {
  const assembler = new MultipartAssembler();
  t.equal(assembler.push(part(1, multipartFlags.more, [1, 2])), undefined);
  t.equal(assembler.push(part(1, multipartFlags.more, [])), undefined);
  const whole = assembler.push(part(1, 0, [3]));
  t.same(
    whole?.groups.map(({ group }) => group),
    [1, 2, 3],
  );
  t.equal(whole?.flags, 0);
  t.same(assembler.push(part(2, 0, [4]))?.groups.length, 1);
});

t.test('what a version cannot say is an EncodeError with a path', async (t) => {
  const status: Message = { type: 'tableDescRequest', version: 4, xid: 1, flags: 0 };
  t.throws(() => encode(status), EncodeError);
  const wide = { ...makeHello(1), xid: 2 ** 32 };
  t.throws(() => encode(wide), { name: 'EncodeError' });
  const group: Message = {
    type: 'groupMod',
    version: 4,
    xid: 1,
    command: 0,
    groupType: 0,
    group: 70_000_000_000,
    commandBucketId: 0,
    buckets: [],
    properties: [],
  };
  t.throws(() => encode(group), { name: 'EncodeError', path: 'groupMod.group' });
});
