/** Services as matches: port ranges, both directions, and which two can meet in one frame. */
import fc from 'fast-check';
import t from 'tap';
import { printMatch } from 'ts-openflow';
import { serviceFlows } from '../../../src/compiler/service.ts';
import type { ServiceMatch } from '../../../src/model/declared.ts';
import { overlaps, parsePorts, portBlocks, trafficOf } from '../../../src/model/service.ts';
import { type Frame, frameArbitrary, isMeant, matchArbitrary } from './service-meaning.ts';

const covers = (block: { value: number; mask: number }, port: number): boolean =>
  (port & block.mask) === block.value;

/** The size of the smallest cover, found by halving the whole space. */
function smallest(first: number, last: number, low = 0, high = 0xffff): number {
  if (first > high || last < low) return 0;
  if (first <= low && high <= last) return 1;
  const middle = (low + high) >> 1;
  return smallest(first, last, low, middle) + smallest(first, last, middle + 1, high);
}

t.test(
  'every range of 8 bits, at both ends of the space, has its smallest cover, and no port twice',
  async () => {
    for (const base of [0, 0xff00]) {
      for (let first = 0; first < 256; first++) {
        for (let last = first; last < 256; last++) {
          const blocks = portBlocks({ first: base + first, last: base + last });
          if (blocks.length !== smallest(base + first, base + last))
            throw new Error(`${base + first}-${base + last} takes ${blocks.length} blocks`);
          let at = base + first;
          for (const { value, mask } of blocks) {
            if (value !== at || (value & mask) !== value) throw new Error(`a gap at ${at}`);
            at += 0x10000 - mask;
          }
          if (at !== base + last + 1) throw new Error(`it ends at ${at - 1} and not at ${base + last}`);
        }
      }
    }
  },
);

t.test('so have ranges of any length, and none that begins at 1 has port 0', async (t) => {
  fc.assert(
    fc.property(
      fc.tuple(fc.integer({ min: 1, max: 65535 }), fc.integer({ min: 1, max: 65535 })),
      ([a, b]) => {
        const range = { first: Math.min(a, b), last: Math.max(a, b) };
        const blocks = portBlocks(range);
        const inside = [range.first, range.last, (a + b) >> 1];
        return (
          blocks.length === smallest(range.first, range.last) &&
          inside.every((port) => blocks.filter((block) => covers(block, port)).length === 1) &&
          [0, range.first - 1, range.last + 1].every((port) => !blocks.some((block) => covers(block, port)))
        );
      },
    ),
  );
  t.equal(portBlocks({ first: 1, last: 65535 }).length, 16);
  t.equal(portBlocks({ first: 1, last: 65534 }).length, 30, 'the worst');
});

t.test('what is no range of ports', async (t) => {
  for (const text of ['0-5', '5-4', '1-65536', '5', '-', '1-', 'a-b'])
    t.equal(parsePorts(text), undefined, text);
  t.same(parsePorts('1-65535'), { first: 1, last: 65535 });
});

t.test('a service is mirrored downstream', async (t) => {
  const web: ServiceMatch = { protocol: 'tcp', remote: '192.0.2.0/24', remotePort: '80-81', localPort: 5000 };
  const { upstream, downstream } = serviceFlows([web]);
  t.same(
    upstream.map(({ match }) => printMatch(match)),
    ['tcp,nw_dst=192.0.2.0/24,tp_src=5000,tp_dst=0x50/0xfffe', 'tcp,nw_dst=192.0.2.0/24,nw_frag=yes'],
  );
  t.same(
    downstream.map(({ match }) => printMatch(match)),
    ['tcp,nw_src=192.0.2.0/24,tp_src=0x50/0xfffe,tp_dst=5000', 'tcp,nw_src=192.0.2.0/24,nw_frag=yes'],
  );
});

t.test('what names no version of IP is of both, and ranges that overlap give each block once', async (t) => {
  t.equal(trafficOf({ dscp: 46 }).length, 2);
  t.equal(trafficOf({ protocol: 'icmp' }).length, 1);
  t.equal(trafficOf({ vlan: 7 }).length, 1);
  const twice = serviceFlows([
    { protocol: 'udp', remotePort: '80-95', remote: '0.0.0.0/0' },
    { protocol: 'udp', remotePort: '80-87', remote: '0.0.0.0/0' },
    { protocol: 'udp', remotePort: '80-95', remote: '0.0.0.0/0' },
  ]);
  t.same(
    twice.upstream.map(({ match }) => printMatch(match)),
    ['udp,tp_dst=0x50/0xfff0', 'udp,nw_frag=yes', 'udp,tp_dst=0x50/0xfff8'],
  );
});

t.test('two matches overlap where a frame can be both, and only there', async (t) => {
  let met = 0;
  const meet = (a: ServiceMatch, b: ServiceMatch): boolean =>
    trafficOf(a).some((one) => trafficOf(b).some((other) => overlaps(one, other)));
  fc.assert(
    fc.property(
      matchArbitrary,
      matchArbitrary,
      fc.array(frameArbitrary, { minLength: 40 }),
      (a, b, frames) => {
        if (meet(a, b) !== meet(b, a)) return false;
        const both = frames.filter(
          (frame: Frame) => isMeant(a, frame) === true && isMeant(b, frame) === true,
        );
        met += both.length;
        return both.length === 0 || meet(a, b);
      },
    ),
    { numRuns: 2000 },
  );
  t.ok(met > 50, `${met} frames were both`);
  const https: ServiceMatch = { protocol: 'tcp', remotePort: 443 };
  for (const other of [
    { protocol: 'udp', remotePort: 443 },
    { protocol: 'tcp', remotePort: '1-442' },
    { etherType: 0x0806 },
    { protocol: 'icmp' },
  ] satisfies ServiceMatch[])
    t.notOk(meet(https, other), JSON.stringify(other));
  t.notOk(meet({ remote: '10.0.0.0/9' }, { remote: '10.128.0.0/9' }));
  t.notOk(meet({ remote: '10.0.0.0/8' }, { remote: '2001:db8::/32' }));
  t.ok(meet({ remote: '10.0.0.0/8' }, { local: '10.0.0.0/8' }));
  t.notOk(meet({ vlan: 1 }, { vlan: 2, dscp: 1 }));
});
