/**
 * The first half of the story: what a chain does.
 */
import type { Name } from '../../src/model/ids.ts';
import { bridgePorts, settledFlows } from '../flows.ts';
import { expect, until } from '../observe.ts';
import { isAlive } from '../processes.ts';
import type { Step } from '../story.ts';
import { echoWays, type Frame } from '../wire.ts';
import { expectAnswers, whereTheyEnded } from './answers.ts';
import {
  ALICE,
  aliceHops,
  BOB,
  CHAIN,
  downstream,
  expectNoBypass,
  ONE_HOP,
  sameWay,
  TWO_HOPS,
  UPLINK,
  upstream,
  words,
} from './traffic.ts';

const WAIT = '?wait=active&timeout=10s';

export const unchained: Step = {
  id: 'unchained',
  title: 'Nothing is chained yet: Alice and Bob reach the server',
  run: async (world, seen) => {
    const { network, wire, api } = world;
    await until('the switch forwarding', async () =>
      (await network.ping('alice', 1)) > 0 ? true : undefined,
    );
    seen(`switch s1 speaks ${await api.protocol('s1')}`);
    const from = await wire.now();
    for (const host of ['alice', 'bob'] as const) {
      await expectAnswers(world, host, 3);
      const [http, greeting] = await Promise.all([network.http(host), network.greeting(host)]);
      expect(http !== undefined, `the server's port 80 answering ${host}`, 'no answer');
      expect(greeting !== undefined, `the server's port 22 answering ${host}`, 'no answer');
      seen(`${host}: 3 of 3 pings; port 80 says "${http}"; port 22 says "${greeting}"`);
    }
    const direct = [`in ${ALICE.port}`, `out ${UPLINK.port}`];
    const ways = [...echoWays(await wire.since(from), 'request').values()];
    expect(
      ways.some((way) => sameWay(way, direct)),
      `alice's pings going ${words(direct)}`,
      ways,
    );
    expect((await api.instances()).length === 0, 'no instance', await api.instances());
    seen(`on the wire: ${words(direct)}, nothing in between`);
  },
};

export const declareChain: Step = {
  id: 'declare',
  title: 'A firewall for Alice alone: POST /v1/chains, chains/alice-protected.yaml',
  run: async (world, seen) => {
    const start = performance.now();
    await world.api.post('chains', ONE_HOP.text, WAIT);
    const took = performance.now() - start;
    const status = await world.api.chainStatus(CHAIN);
    expect(status.phase === 'active', 'the chain active when the POST is answered', status);
    const hops = await aliceHops(world);
    expect(hops.length === ONE_HOP.spec.hops.length, `${ONE_HOP.spec.hops.length} hop`, hops);
    const ports = await bridgePorts();
    for (const { instance, pid, left, right } of hops) {
      expect(isAlive(pid), `the guest of ${instance} running`, `no process ${pid}`);
      expect(ports.includes(left) && ports.includes(right), `${left} and ${right} on the switch`, ports);
    }
    seen(`active after ${took.toFixed(0)} ms`);
    for (const hop of hops) {
      seen(
        `${hop.function} is instance ${hop.instance}, process ${hop.pid}, ports ${hop.left} and ${hop.right}`,
      );
    }
  },
};

export const filter: Step = {
  id: 'filter',
  title: 'Her firewall lets ping and port 80 pass and denies port 22; Bob does not notice',
  run: async (world, seen) => {
    const { network, wire, api } = world;
    const hops = await aliceHops(world);
    const from = await wire.now();
    await expectAnswers(world, 'alice', 3);
    const http = await network.http('alice');
    const greeting = await network.greeting('alice');
    expect(http !== undefined, "the server's port 80 answering alice", 'no answer');
    expect(greeting === undefined, "the server's port 22 not answering alice", `it said "${greeting}"`);
    seen(`alice: 3 of 3 pings; port 80 says "${http}"; port 22 does not answer`);

    const hers = await wire.since(from);
    expectNoBypass(hers, [hops]);
    seen(`tcpdump, port 80: ${words(waysTo(hers, 80, upstream(hops)))}`);
    const denied = stations(hers, 22);
    const last = denied.at(-1);
    expect(denied.includes(`in ${ALICE.port}`), `alice asking for port 22 at ${ALICE.port}`, denied);
    expect(
      hops.some((hop) => last === `out ${hop.left}`),
      'her request for port 22 ending in her firewall',
      denied,
    );
    seen(`tcpdump, port 22: ${words(denied)}, and no further`);
    for (const { instance, function: name } of hops) {
      const counters = await api.counters(instance);
      expect(counters.left.dropped > 0, `${instance} having dropped something`, counters);
      seen(`${name} counts: ${JSON.stringify(counters.function)}`);
    }

    const fromBob = await wire.now();
    const bobs = await network.greeting('bob');
    const bobsHttp = await network.http('bob');
    expect(bobs !== undefined && bobsHttp !== undefined, 'ports 22 and 80 answering bob', { bobs, bobsHttp });
    const his = (await wire.since(fromBob)).filter(isBobs);
    const instancePorts = hops.flatMap((hop) => [hop.left, hop.right]);
    const strayed = his.filter((frame) => instancePorts.includes(frame.port));
    expect(strayed.length === 0, "none of bob's frames at alice's instance", strayed);
    seen(`bob: port 22 says "${bobs}"; of his ${his.length} frames, 0 at ${instancePorts.join(' and ')}`);
  },
};

export const countHops: Step = {
  id: 'counters',
  title: 'What the hop counts is what was on the wire',
  run: async (world, seen) => {
    const { wire, api } = world;
    for (const hop of await aliceHops(world)) {
      const from = await wire.now();
      const before = await api.counters(hop.instance);
      await expectAnswers(world, 'alice', 20);
      const frames = await wire.since(from);
      const after = await api.counters(hop.instance);
      for (const side of ['left', 'right'] as const) {
        const counted = (way: 'in' | 'out'): number =>
          frames.filter((frame) => frame.port === hop[side] && frame.way === way).length;
        const received = after[side].rxPackets - before[side].rxPackets;
        const sent = after[side].txPackets - before[side].txPackets;
        expect(received >= 20 && sent >= 20, `at least 20 packets each way at ${hop[side]}`, {
          received,
          sent,
        });
        expect(
          received === counted('out') && sent === counted('in'),
          `${hop.instance} counting what tcpdump counts at ${hop[side]}`,
          { instance: { received, sent }, tcpdump: { received: counted('out'), sent: counted('in') } },
        );
        seen(`${hop.instance} at ${hop[side]}: ${received} in, ${sent} out; tcpdump says the same`);
      }
    }
  },
};

export const explainPacket: Step = {
  id: 'explain',
  title: 'What becomes of a packet, and why: POST /v1/explain',
  run: async (world, seen) => {
    const hops = await aliceHops(world);
    const answer = await world.api.explain({
      switch: 's1' as Name,
      port: ALICE.port,
      packet: {
        dl_type: '0x0800',
        dl_src: ALICE.mac,
        dl_dst: UPLINK.mac,
        nw_src: ALICE.ipv4,
        nw_dst: UPLINK.ipv4,
      },
    });
    const met = answer.hops.map((hop) => hop.instance);
    const wanted = hops.map((hop) => hop.instance);
    expect(sameWay(met, wanted), `hops ${wanted.join(', ')}`, answer);
    const { outcome } = answer;
    expect(outcome.kind === 'output' && outcome.port === UPLINK.port, `output to ${UPLINK.port}`, outcome);
    for (const pass of answer.passes) {
      const steps = pass.steps.map((step) => `${step.tableName} (${step.does})`);
      seen(`from ${pass.port}: ${steps.join(' > ')}`);
    }
    seen(`outcome: leaves at ${outcome.port}, as it did on the wire`);
  },
};

export const addHop: Step = {
  id: 'add-hop',
  title: 'A second hop while Alice is pinging: PUT chains/alice-two-hops.yaml',
  run: async (world, seen) => {
    const { wire, api } = world;
    const one = await aliceHops(world);
    const flows = (await settledFlows()).length;
    const from = await wire.now();
    await world.whilePinging('alice', 0.02, async (ping) => {
      await ping.more(10);
      const start = performance.now();
      await api.put('chains', CHAIN, TWO_HOPS.text, WAIT);
      const took = performance.now() - start;
      await ping.more(10);
      const two = await aliceHops(world);
      expect(two.length === TWO_HOPS.spec.hops.length, `${TWO_HOPS.spec.hops.length} hops`, two);
      const settled = await wire.now();
      await ping.more(10);
      const frames = await wire.since(from);
      const { sent, lost } = await ping.stop();
      expect(lost === 0, 'no ping lost', `${lost} of ${sent}; ${whereTheyEnded(frames, ALICE.port)}`);
      seen(`active after ${took.toFixed(0)} ms; of ${sent} pings meanwhile, ${lost} were lost`);
      expectNoBypass(frames, [one, two]);
      const last = wire.between(settled);
      for (const [kind, way] of [
        ['request', upstream(two)],
        ['reply', downstream(two)],
      ] as const) {
        const ways = [...echoWays(last, kind).values()];
        const kept = ways.filter((each) => sameWay(each, way)).length;
        expect(kept >= 9, `pings on the way ${words(way)}`, ways.at(-1));
        seen(`tcpdump, ${kind}: ${words(way)}`);
      }
    });
    seen(`the old path has drained and is gone; ${flows} flows before, ${(await settledFlows()).length} now`);
  },
};

function isBobs(frame: Frame): boolean {
  return (
    frame.source === BOB.mac || frame.text.includes(`${BOB.ipv4}.`) || frame.text.includes(`${BOB.ipv4},`)
  );
}

/** Where Alice's packets to that port of the server were seen, each place once, in order. */
function stations(frames: readonly Frame[], port: number): readonly string[] {
  const found = frames.filter(
    (frame) => frame.source === ALICE.mac && frame.text.includes(`> ${UPLINK.ipv4}.${port}:`),
  );
  return [...new Set(found.map((frame) => `${frame.way} ${frame.port}`))];
}

function waysTo(frames: readonly Frame[], port: number, wanted: readonly string[]): readonly string[] {
  const found = stations(frames, port);
  expect(sameWay(found, wanted), `port 80 going ${words(wanted)}`, words(found));
  return found;
}
