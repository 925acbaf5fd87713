/** What a host has room for, and what it keeps booted, with the whole controller on a real Open vSwitch. */
import '../harness/ovs-netns.ts';
import t from 'tap';
import { eventually } from '../harness/ovs-eventually.ts';
import { Site } from '../harness/site.ts';

/** A counter in a process is counted with 9 MiB: there is room for two. */
const ROOM = ['--instance-memory=20'];

/** So that it does not matter what the host has. */
async function declareProcess(site: Site): Promise<void> {
  const { spec } = (await site.call('GET', '/v1/functions/counter')).body as { spec: object };
  const { status } = await site.call('POST', '/v1/functions', {
    ...spec,
    name: 'tally',
    isolation: 'process',
  });
  if (status !== 201) throw new Error(`function tally: ${status}`);
}

const chainOf = (subscriber: string, hops: number, more = {}) => ({
  name: subscriber,
  subscribers: [subscriber],
  hops: Array.from({ length: hops }, (_, i) => ({ name: `h${i}`, function: 'tally', ...more })),
});

t.test('a chain for whose instance there is no room says so, and comes up when there is', async (t) => {
  const site = await Site.open(t, undefined, ROOM);
  await site.declareLab(t);
  await declareProcess(site);
  const first = await site.call('POST', '/v1/chains?wait=active&timeout=30s', chainOf('alice', 2));
  t.match(first, { status: 201, body: { status: { phase: 'active' } } });
  await site.call('POST', '/v1/chains', chainOf('bob', 1));
  await eventually(t, 'it says why', async () =>
    /NoRoom.*needs 9 MiB and 1 place; free are 2 of 20 MiB/.test(
      JSON.stringify((await site.call('GET', '/v1/chains/bob')).body['status']),
    ),
  );
  const { items } = (await site.call('GET', '/v1/instances?phase=waiting')).body;
  t.match(items, [{ subscriber: 'bob', status: { phase: 'waiting', problem: /no room/ } }]);
  t.equal(site.guests().length, 2);
  await site.call('DELETE', '/v1/chains/alice');
  await eventually(t, 'it is active by itself', async () => (await site.phase('bob')) === 'active');
  await site.equal(t);
  t.strictSame(
    site.warnings.filter((line) => !/no room/.test(line)),
    [],
  );
});
