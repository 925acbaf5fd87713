/**
 * The second half of the story: what a chain survives, and how it ends.
 */

import {
  addFlow,
  allFlows,
  BRIDGE,
  bridgePorts,
  deleteFlow,
  identity,
  ourFlows,
  settledFlows,
} from '../flows.ts';
import { devices } from '../leftovers.ts';
import type { Allowed } from '../logs.ts';
import { expect, NotSeen, until } from '../observe.ts';
import { isAlive, isGone, must } from '../processes.ts';
import type { Step } from '../story.ts';
import { echoWays } from '../wire.ts';
import { AUDIT_INTERVAL } from '../world.ts';
import { whereTheyEnded } from './answers.ts';
import { ALICE, aliceHops, CHAIN, expectNoBypass, sameWay, UPLINK, words } from './traffic.ts';

const FOREIGN = { cookie: 0xf00dn, match: 'table=0,priority=77,udp,tp_dst=9999' } as const;

export const repair: Step = {
  id: 'repair',
  title: 'Somebody deletes flows by hand: they come back; a foreign flow is left alone',
  run: async (_world, seen) => {
    await addFlow(`cookie=0x${FOREIGN.cookie.toString(16)},${FOREIGN.match},actions=drop`);
    const before = await settledFlows();
    // One of each table.
    const victims = [...new Map(before.map((flow) => [flow.table, flow])).values()];
    const start = performance.now();
    for (const victim of victims) await deleteFlow(victim);
    const wanted = new Set(before.map(identity));
    const repaired = await until(
      'all of our flows as they were',
      async () => {
        const now = new Map((await ourFlows()).map((flow) => [identity(flow), flow]));
        const missing = [...wanted].filter((flow) => !now.has(flow));
        const extra = [...now.keys()].filter((flow) => !wanted.has(flow));
        if (missing.length + extra.length === 0) return now;
        throw new NotSeen('the same flows', `missing: ${missing.join('; ')}; extra: ${extra.join('; ')}`);
      },
      { timeout: AUDIT_INTERVAL + 2_000 },
    );
    const took = performance.now() - start;
    // What was put there anew is younger than its deletion; what was never gone is not.
    const anew = victims.filter((flow) => (repaired.get(identity(flow))?.duration ?? took) < took / 1000);
    expect(anew.length === victims.length, `${victims.length} flows put there anew`, anew.length);
    seen(
      `ovs-ofctl deleted ${victims.length} of ${before.length} flows, one of each table; ` +
        `all put back within ${took.toFixed(0)} ms`,
    );
    const foreign = (await allFlows()).filter((flow) => flow.cookie === FOREIGN.cookie);
    expect(foreign.length === 1, 'the foreign flow still there', `${foreign.length} of it`);
    seen(`the foreign flow (cookie 0x${FOREIGN.cookie.toString(16)}) is still there`);
    for (const flow of foreign) await deleteFlow(flow);
  },
};

export const killController: Step = {
  id: 'controller',
  title: "The controller is killed: Alice's traffic goes on, and goes on when it is back",
  allows: [
    {
      log: 'switch',
      line: /\|rconn\|WARN\|s1<->tcp:127\.0\.0\.1:\d+: connection (failed|dropped|closed)/,
      because: 'the controller is not there, and the switch says so',
    },
    {
      log: 'switch',
      line: /\|jsonrpc\|WARN\|.*(Connection reset|Broken pipe)/,
      because: "the controller's OVSDB connection ends in the middle",
    },
  ],
  run: async (world, seen) => {
    const { controller, wire, api } = world;
    const hops = await aliceHops(world);
    const before = await settledFlows();
    const from = await wire.now();
    await world.whilePinging('alice', 0.02, async (ping) => {
      await ping.more(10);
      const { pid } = controller;
      const start = performance.now();
      await controller.kill();
      await ping.more(25);
      for (const hop of hops) {
        expect(isAlive(hop.pid), `${hop.instance} running without the controller`, `no process ${hop.pid}`);
      }
      seen(`kill -9 ${pid}: 25 more pings answered while nobody controls`);
      await controller.start();
      await until('the chain active again', async () => {
        const status = await api.chainStatus(CHAIN);
        if (status.phase === 'active') return true;
        throw new NotSeen('active', JSON.stringify(status));
      });
      const back = performance.now() - start;
      await ping.more(10);
      const frames = await wire.since(from);
      const { sent, lost } = await ping.stop();
      expect(lost === 0, 'no ping lost', `${lost} of ${sent}; ${whereTheyEnded(frames, ALICE.port)}`);
      expectNoBypass(frames, [hops]);
      seen(
        `started again as ${controller.pid}, active ${(back / 1000).toFixed(1)} s after the kill; ${sent} pings, ${lost} lost`,
      );

      const elapsed = (performance.now() - start) / 1000;
      const now = new Map((await ourFlows()).map((flow) => [identity(flow), flow]));
      for (const flow of before) {
        const later = now.get(identity(flow));
        expect(later !== undefined, 'the same flows as before', `this one is gone: ${identity(flow)}`);
        expect(
          later.duration >= flow.duration + elapsed - 0.5,
          'flows as old as if nothing had been',
          `${identity(flow)}: ${flow.duration} s, ${later.duration} s after ${elapsed.toFixed(1)} s`,
        );
      }
      expect(now.size === before.length, `${before.length} flows`, now.size);
      const oldest = Math.max(...[...now.values()].map((flow) => flow.duration));
      seen(`the same ${now.size} flows, none put there anew (the oldest is ${oldest.toFixed(0)} s old)`);
      const later = await aliceHops(world);
      expect(JSON.stringify(later) === JSON.stringify(hops), 'the same instances', {
        before: hops,
        after: later,
      });
      seen(`the same instances: ${later.map((hop) => `${hop.instance} is process ${hop.pid}`).join(', ')}`);
    });
  },
};

/** Open vSwitch notices with the next check that comes through, which may be in the next step. */
const LOST_CHECKS: Allowed = {
  log: 'switch',
  line: /\|cfm(\([^)]*\))?\|WARN\|.*detected sequence numbers/,
  because: 'the continuity checks of the killed one are lost with it',
};

export const killFunction: Step = {
  id: 'function',
  title: 'A unikernel is killed: nothing of hers goes around it, and it comes back by itself',
  allows: [
    { log: 'controller', line: /"part":"nf"/, because: 'the controller reports the death' },
    {
      log: 'switch',
      line: /\|(netdev_linux|dpif_netdev|dpif)\|(WARN|ERR)\|.*(receiving|Input\/output error|File descriptor in bad state|Network is down)/,
      because: 'nobody is at the other end of the TAP for a moment',
    },
    {
      log: 'functions',
      line: /^the function was ended by SIGKILL$/,
      because: 'it was, by this step',
    },
    LOST_CHECKS,
  ],
  run: async (world, seen) => {
    const { api, wire } = world;
    const hops = await aliceHops(world);
    const [victim] = hops;
    expect(victim !== undefined, 'a hop', hops);
    const from = await wire.now();
    await world.whilePinging('alice', 0.01, async (ping) => {
      await ping.more(10);
      const start = performance.now();
      process.kill(victim.pid, 'SIGKILL');
      const degraded = await until(
        'the chain degraded',
        async () => {
          const status = await api.chainStatus(CHAIN);
          if (status.phase === 'degraded') return status;
          throw new NotSeen('degraded', JSON.stringify(status));
        },
        { every: 2 },
      );
      const noticed = performance.now() - start;
      const reason = degraded.conditions.find((condition) => !condition.status);
      expect(reason !== undefined, 'a condition that says what is missing', degraded);
      seen(
        `kill -9 ${victim.pid} (${victim.function}): degraded after ${noticed.toFixed(0)} ms: ${reason.message}`,
      );
      await until('the chain active again', async () =>
        (await api.chainStatus(CHAIN)).phase === 'active' ? true : undefined,
      );
      const back = performance.now() - start;
      await ping.more(10);
      const frames = await wire.since(from);
      const { sent, lost } = await ping.stop();
      expectNoBypass(frames, [hops]);
      const ways = [...echoWays(frames, 'request').values()];
      const arrived = ways.filter((way) => way.includes(`out ${UPLINK.port}`)).length;
      expect(
        arrived < ways.length,
        'pings stopped while the hop was away',
        `${arrived} of ${ways.length} passed`,
      );
      seen(
        `fail closed: ${lost} of ${sent} pings unanswered; tcpdump: ${ways.length - arrived} stopped, 0 went around`,
      );
      const [renewed] = await aliceHops(world);
      expect(
        renewed !== undefined && renewed.instance === victim.instance && renewed.pid !== victim.pid,
        'the same instance as a new process',
        { victim, renewed },
      );
      expect(renewed.restarts > victim.restarts, 'its restart being counted', renewed);
      seen(`back by itself after ${back.toFixed(0)} ms: ${renewed.instance} is process ${renewed.pid}`);
    });
  },
};

export const removeChain: Step = {
  id: 'remove',
  title: 'The chain is deleted: Alice is unchained, and nothing of it is left',
  allows: [LOST_CHECKS],
  run: async (world, seen) => {
    const { api, network, wire } = world;
    const hops = await aliceHops(world);
    const ports = hops.flatMap((hop) => [hop.left, hop.right]);
    await api.remove('chains', CHAIN);
    await until('no instance, no port and no device of the chain', async () => {
      const instances = await api.instances();
      const onBridge = await bridgePorts();
      const present = devices();
      const left = [
        ...instances.map(({ id }) => `instance ${id}`),
        ...ports.filter((port) => onBridge.includes(port)).map((port) => `port ${port}`),
        ...ports.filter((port) => present.has(port)).map((port) => `device ${port}`),
      ];
      if (left.length === 0) return true;
      throw new NotSeen('nothing', left.join(', '));
    });
    for (const { pid, instance } of hops) {
      expect(await isGone(pid), `the guest of ${instance} gone`, `process ${pid} runs`);
    }
    seen(
      `gone: ${hops.map((hop) => `${hop.instance} (process ${hop.pid})`).join(', ')}; ${ports.join(', ')}`,
    );

    const direct = [`in ${ALICE.port}`, `out ${UPLINK.port}`];
    const from = await wire.now();
    await until('alice reaching the server', async () =>
      (await network.ping('alice', 1)) === 1 ? true : undefined,
    );
    const greeting = await network.greeting('alice');
    expect(greeting !== undefined, "the server's port 22 answering alice", 'no answer');
    const ways = [...echoWays(await wire.since(from), 'request').values()];
    expect(sameWay(ways.at(-1), direct), `her pings going ${words(direct)}`, ways.at(-1));
    seen(`alice: port 22 says "${greeting}"; on the wire ${words(direct)}`);
    const controller = await must(['ovs-vsctl', '--timeout=5', 'get-controller', BRIDGE]);
    expect(controller.trim() !== '', 'the switch still having its controller', 'none');
  },
};
