/** Links between real bridges: found, lost, forged, and what a ring of them does not do. */
import t from 'tap';
import { Fabric, toward } from '../harness/fabric.ts';
import { eventually } from '../harness/ovs-eventually.ts';

for (const protocols of ['OpenFlow15', 'OpenFlow13']) {
  t.test(`links are found, lost and found again over ${protocols}`, async (t) => {
    const fabric = await Fabric.open(t, {
      switches: 4,
      links: [
        [1, 2],
        [2, 3],
        [3, 1],
      ],
      protocols,
    });
    const ring = ['s1to2 s2to1', 's1to3 s3to1', 's2to3 s3to2'];
    await eventually(t, 'all three are there', () => fabric.linksSeen().join() === ring.join());
    await fabric.equal(t);
    const [before] = fabric.links;

    await fabric.cut(1, 3);
    await eventually(t, 'a link whose ports are gone is gone', () => fabric.linksSeen().length === 2);
    await fabric.join(1, 3);
    await fabric.join(3, 4);
    await eventually(t, 'new ones are found', () => fabric.linksSeen().length === 4);
    t.strictSame(fabric.links[0], before, 'the others have stayed as they were');

    await fabric.stop();
    await fabric.start();
    await eventually(t, 'a new controller finds them all', () => fabric.linksSeen().length === 4);
    await fabric.equal(t);

    t.strictSame(
      fabric.warnings.filter((line) => !/switch disconnected/.test(line)),
      [],
    );
    t.strictSame(
      await fabric.ovs.unexpectedLogLines([
        /rconn.*(closed by peer|connection dropped|failed to connect|Connection refused)/,
      ]),
      [],
    );
  });
}

t.test('LLDP that others send makes no link', async (t) => {
  const fabric = await Fabric.open(t, { switches: 2, links: [[1, 2]] });
  await fabric.addPort(1, 'wild');
  await fabric.addPort(2, 'tame');
  await eventually(t, 'the link is there', () => fabric.linksSeen().length === 1);
  await fabric.equal(t);
  const lldp = '0180c200000e02000000000188cc';
  const chassis = `021107${Buffer.from('0000000000000002').toString('hex')}`;
  const port = `040505${Buffer.from('tame').toString('hex')}`;
  const proof = `fe1c02c5c501${'0'.repeat(15)}1${'ab'.repeat(16)}`;
  const forged = `${lldp}${chassis}${port}06020078${proof}0000`;
  const foreign = `${lldp}${chassis}${port}060200780000`;
  for (let i = 0; i < 3; i++) {
    await fabric.ovs.appctl('netdev-dummy/receive', 'wild', forged);
    await fabric.ovs.appctl('netdev-dummy/receive', 'wild', foreign);
  }
  await eventually(t, 'the forgery is said', () => fabric.warnings.some((line) => line.includes('forged')));
  t.equal(fabric.warnings.length, 1, 'once, and of foreign LLDP nothing');
  t.strictSame(fabric.linksSeen(), [`${toward(1, 2)} ${toward(2, 1)}`]);
  t.strictSame(fabric.linksSeen('oneWay'), []);
});

const BROADCAST = `ffffffffffff0200000000aa88b5${'00'.repeat(46)}`;
const tagged = (...tags: readonly string[]): string =>
  `ffffffffffff0200000000ab${tags.join('')}88b5${'00'.repeat(46)}`;

t.test('no loop: in a ring, what is flooded reaches each port once', async (t) => {
  const fabric = await Fabric.open(t, {
    switches: 4,
    links: [
      [1, 2],
      [2, 3],
      [3, 4],
      [4, 1],
      [1, 3],
    ],
  });
  const hosts = [1, 2, 3, 4].map((n) => `h${n}`);
  for (const [i, host] of hosts.entries()) await fabric.addPort(i + 1, host);
  const floods = async (frame: string, expected: readonly number[]): Promise<boolean> => {
    const before = await Promise.all(hosts.map((host) => fabric.left(host)));
    await fabric.send('h2', frame);
    const after = await Promise.all(hosts.map((host) => fabric.left(host)));
    const isFlooded = (one: string): boolean => !one.includes('02c5c501');
    const got = after.map((frames, i) => frames.slice(before[i]?.length).filter(isFlooded).length);
    return got.join() === expected.join();
  };
  await eventually(t, 'it reaches all others once', () => floods(BROADCAST, [1, 0, 1, 1]));
  t.equal(fabric.linksSeen().length, 5);
  await fabric.equal(t);

  t.ok(
    await floods(tagged('81000064'), [0, 0, 0, 0]),
    'a tag would be taken for a label: it crosses no link',
  );
  t.ok(await floods(tagged('81000000', '81000064'), [0, 0, 0, 0]), 'nor one within an empty tag');

  await fabric.cut(1, 2);
  await eventually(t, 'another way is opened when a link goes', () => floods(BROADCAST, [1, 0, 1, 1]));
  await fabric.join(1, 2);
  await eventually(t, 'all five are there again', () => fabric.linksSeen().length === 5);
  await eventually(t, 'and it reaches all others once', () => floods(BROADCAST, [1, 0, 1, 1]));
  await fabric.equal(t);
  t.strictSame(fabric.warnings, []);
  t.strictSame(await fabric.ovs.unexpectedLogLines(), [], 'nothing went round');
});
