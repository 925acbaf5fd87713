/** What is said of what is under way: closing, deleting, flows. */
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import type { PathId } from '../../../src/model/ids.ts';
import type { RemainingPath } from '../../../src/model/interfaces.ts';
import { API_LIMITS } from '../../../src/model/limits.ts';
import type { ChainStatus, Condition } from '../../../src/model/status.ts';
import { ALICE, type Api, CHAIN, declareLab, setUp } from './support.ts';

const installed = (status: boolean, reason = status ? 'Confirmed' : 'BarrierPending'): Condition => ({
  type: 'FlowsInstalled',
  status,
  reason,
  message: '',
});

function say(
  { control, store }: Api,
  conditions: Condition[],
  phase: ChainStatus['phase'] = 'pending',
): void {
  const uid = store.declared().chains.get('c' as never)?.uid ?? 0;
  control.statuses.set('c', { uid, phase, observedGeneration: 1, conditions, paths: [] });
  control.announce();
}

t.test('a new chain is answered when it is closed, or when it cannot be', async (t) => {
  const endings: [string, Condition[], ChainStatus['phase'], boolean][] = [
    ['confirmed', [installed(true)], 'pending', true],
    ['rejected', [installed(false, 'Rejected')], 'rejected', true],
    [
      'hopeless',
      [{ ...installed(false, 'SwitchDisconnected'), type: 'SubscribersReady' }, installed(false)],
      'pending',
      true,
    ],
    ['not yet', [installed(false)], 'pending', false],
  ];
  for (const [what, conditions, phase, isAnswered] of endings) {
    const api = setUp(t);
    await declareLab(api);
    api.control.observed = api.store.declared().revision;
    let answer: unknown;
    const pending = api.call('POST', '/v1/chains', CHAIN).then((value) => {
      answer = value;
    });
    await sleep(20);
    t.equal(answer, undefined, 'control has not looked at it yet');
    api.control.observed = undefined;
    say(api, conditions, phase);
    await sleep(20);
    t.equal(answer !== undefined, isAnswered, what);
    if (!isAnswered) say(api, [installed(true)]);
    await pending;
    t.match(answer, { status: 201, body: { status: { conditions: { length: conditions.length } } } }, what);
  }
});

t.test('what is closed late is answered all the same, and says so', async (t) => {
  const api = setUp(t);
  await declareLab(api);
  api.control.observed = -1;
  const before = Date.now();
  const { status, body } = await api.call('PUT', '/v1/chains/c', CHAIN);
  t.ok(Date.now() - before >= API_LIMITS.closingMs - 10);
  t.match({ status, body }, { status: 201, body: { status: { observedGeneration: 0, phase: 'pending' } } });
  t.match(await api.call('GET', '/v1/chains/c'), { status: 200 }, 'to read waits for nothing');
});

const LEFT: RemainingPath = { path: 7 as PathId, switch: 's1' as never, phase: 'draining', instances: [] };

t.test('deleting says what it waits for', async (t) => {
  const api = setUp(t);
  const { call, control } = api;
  await declareLab(api);
  await call('POST', '/v1/chains', CHAIN);
  control.remaining = [LEFT];
  t.match(await call('DELETE', '/v1/chains/c'), { status: 202, body: { name: 'c', waitsFor: [LEFT] } });
  t.match(await call('GET', '/v1/chains/c'), { status: 404 });

  await call('POST', '/v1/chains', CHAIN);
  const pending = call('DELETE', '/v1/chains/c?wait=gone&timeout=20s');
  await sleep(20);
  t.equal(api.northbound.waiting, 1);
  control.remaining = [];
  control.announce();
  t.match(await pending, { status: 204 });
  t.equal(api.northbound.waiting, 0);

  await call('POST', '/v1/chains', CHAIN);
  for (const query of ['wait=active', 'wait=gone&timeout=x', 'timeout=1s', 'wait=gone&dryRun=true']) {
    t.match(await call('DELETE', `/v1/chains/c?${query}`), { status: 400 }, query);
  }
  t.match(await call('GET', '/v1/chains/c'), { status: 200 }, 'nothing was deleted');
  control.remaining = [LEFT];
  t.match(await call('DELETE', '/v1/chains/c?wait=gone&timeout=10ms'), {
    status: 504,
    problem: { code: 'wait-timeout' },
  });
  t.match(await call('GET', '/v1/chains/c'), { status: 404 }, 'it is deleted');
});

t.test('the flows of a chain', async (t) => {
  const api = setUp(t);
  await declareLab(api);
  await api.call('POST', '/v1/chains', CHAIN);
  t.same((await api.call('GET', '/v1/chains/c/flows')).body, { items: [] });
  api.control.flows = [{ switch: 's1' as never, confirmed: false, flows: ['table=0 actions=drop'] }];
  t.same((await api.call('GET', '/v1/chains/c/flows')).body, { items: api.control.flows });
  t.match(await api.call('GET', '/v1/chains/d/flows'), { status: 404 });
});

t.test(
  'a subscriber says which chains it is in, and joins one only when that is closed for it',
  async (t) => {
    const api = setUp(t);
    const { call, control } = api;
    await declareLab(api);
    t.match((await call('GET', '/v1/subscribers/alice')).body, { status: { chains: [] } });
    const { subscribers: _, ...rest } = CHAIN;
    await call('POST', '/v1/chains', { ...rest, selector: { plan: 'gold' } });
    say(api, [installed(true)], 'active');
    control.observed = api.store.declared().revision;
    let answer: unknown;
    const gold = { ...ALICE, labels: { plan: 'gold' } };
    const pending = call('PUT', '/v1/subscribers/alice', gold).then((value) => {
      answer = value;
    });
    const chains = async () => {
      const { body } = await call('GET', '/v1/subscribers/alice');
      return (body as unknown as { status: { chains: object[] } }).status.chains;
    };
    // The change is stored some time after it was sent.
    while ((await chains()).length === 0) await sleep(5);
    t.equal(answer, undefined, 'control has not looked at it yet');
    t.match(await chains(), [{ name: 'c', closed: false }]);
    control.observed = undefined;
    control.announce();
    await pending;
    t.match(answer, {
      status: 200,
      body: { status: { chains: [{ name: 'c', phase: 'active', closed: true }] } },
    });
    say(api, [installed(false)], 'degraded');
    t.match((await call('GET', '/v1/subscribers?fields=status.chains.closed')).body, {
      items: [{ status: { chains: [{ closed: false }] } }],
    });
  },
);
