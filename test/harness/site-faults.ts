/**
 * What goes wrong in a network, and what its operators do: each fault and each edit by a seeded hand.
 */
import { execFileSync, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Test } from 'tap';
import type { Site } from './site.ts';

/** A generator of numbers in [0, 1) that gives the same ones for the same seed (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** What continuous integration runs: a red run there is to mean a change, not a sequence never tried before. */
const CI_SEED = '14';

/**
 * The seed of this run, said in any case: `CHAINSTITCH_TEST_SEED` if that is set, always the same one in
 * continuous integration (`CI`), and elsewhere a new one each time.
 */
export function seedOf(t: Test): number {
  const given = process.env['CHAINSTITCH_TEST_SEED'] ?? (process.env['CI'] ? CI_SEED : undefined);
  const seed = given === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(given);
  t.comment(`seed ${seed}; CHAINSTITCH_TEST_SEED=${seed} does the same again`);
  return seed;
}

export class Dice {
  readonly #random: () => number;

  constructor(seed: number) {
    this.#random = seeded(seed);
  }

  /** 0 to n - 1. */
  below(n: number): number {
    return Math.floor(this.#random() * n);
  }

  pick<T>(items: readonly T[]): T {
    const item = items[this.below(items.length)];
    if (item === undefined) throw new Error('nothing to pick from');
    return item;
  }

  shuffled<T>(items: readonly T[]): readonly T[] {
    return items
      .map((item) => [this.#random(), item] as const)
      .sort(([a], [b]) => a - b)
      .map(([, item]) => item);
  }

  bytes(length: number): Buffer {
    return Buffer.from(Array.from({ length }, () => this.below(256)));
  }
}

/** Denies everything but some traffic; the port 9 never is among it, the port 4000 always. */
export const firewallConfig = (extra: readonly number[]): object => ({
  default: 'deny',
  rules: [4000, ...extra].map((port) => ({ allow: { protocol: 'udp', port } })),
});

const FIREWALLS = ['first', 'second', 'third'] as const;
type Hop = { name: string; function: string; onFailure?: string; config?: object };

/** One to three firewalls in any order, all of them closed; perhaps with a counter among them that is not. */
export function someHops(dice: Dice): readonly Hop[] {
  const firewalls = dice.shuffled(FIREWALLS).slice(0, 1 + dice.below(3));
  const hops: Hop[] = firewalls.map((name) => ({
    name,
    function: 'firewall',
    onFailure: 'closed',
    config: firewallConfig([5000 + dice.below(50)]),
  }));
  if (dice.below(3) === 0) {
    const onFailure = dice.pick(['closed', 'open']);
    hops.splice(dice.below(hops.length + 1), 0, { name: 'count', function: 'counter', onFailure });
  }
  return hops;
}

export const namesOf = (hops: readonly Hop[]): readonly string[] => hops.map(({ name }) => name);

/** The hops that a frame may meet: all, and where some are open, those that are closed. */
export const versionsOf = (hops: readonly Hop[]): readonly (readonly string[])[] =>
  hops.some(({ onFailure }) => onFailure === 'open')
    ? [namesOf(hops), namesOf(hops.filter(({ onFailure }) => onFailure !== 'open'))]
    : [namesOf(hops)];
export type { Hop };

/** Table, priority and match of a flow in a dump, as a strict deletion takes them. */
const placeOf = (flow: string): string =>
  (flow.split(' actions=')[0] ?? '').replace(/cookie=\S+, /, '').replace(', ', ',');

async function placeOfOne(site: Site, dice: Dice): Promise<string | undefined> {
  const flows = (await site.dump()).filter((text) => text.startsWith('cookie=0xc5c5'));
  return flows.length === 0 ? undefined : placeOf(dice.pick(flows));
}

/** Faults that may come at any moment; each gives a word of what it did. */
export const FAULTS = {
  'kill a guest': async (site, dice) => {
    const running = (await site.instances()).filter(({ status }) => status.pid !== undefined);
    if (running.length === 0) return 'none runs';
    const { id, status } = dice.pick(running);
    try {
      if (status.pid !== undefined) process.kill(status.pid, 'SIGKILL');
    } catch {
      // It went by itself.
    }
    return id;
  },
  'freeze a guest': async (site, dice) => {
    const running = (await site.instances()).filter(({ status }) => status.pid !== undefined);
    if (running.length === 0) return 'none runs';
    const { id, status } = dice.pick(running);
    if (status.pid !== undefined && site.guests().includes(status.pid)) process.kill(status.pid, 'SIGSTOP');
    return id;
  },
  'restart the controller': async (site) => {
    await site.stop('keep');
    await site.start();
    return '';
  },
  'kill the controller': async (site) => {
    await site.kill();
    await site.start();
    return '';
  },
  'delete a flow': async (site, dice) => {
    const place = await placeOfOne(site, dice);
    if (place === undefined) return 'there is none';
    await site.ovs.ofctl('-O', 'OpenFlow15', '--strict', 'del-flows', 's1', place);
    return place;
  },
  'delete all flows of a table': async (site, dice) => {
    const table = `table=${dice.below(5)}`;
    await site.ovs.ofctl('-O', 'OpenFlow15', 'del-flows', 's1', table);
    return table;
  },
  'break the connection of the switch': async (site) => {
    await site.ovs.appctl('bridge/reconnect', 's1');
    return '';
  },
  'restart the database of the switch': async (site) => {
    await site.ovs.stopOvsdb();
    await site.ovs.startOvsdb();
    return '';
  },
  'take the controller from the switch': async (site) => {
    await site.ovs.vsctl('del-controller', 's1');
    return '';
  },
  'set the fail mode to standalone': async (site) => {
    await site.ovs.vsctl('set-fail-mode', 's1', 'standalone');
    return '';
  },
} as const satisfies Record<string, (site: Site, dice: Dice) => Promise<string>>;
export type Fault = keyof typeof FAULTS;

/** What somebody with the rights to it may do to what is ours. */
export const STRANGERS = {
  'a port of an instance is removed': async (site, dice) => {
    const { bridge } = await site.leftPorts();
    if (bridge.length === 0) return 'there is none';
    const port = dice.pick(bridge);
    await site.ovs.vsctl('--if-exists', 'del-port', 's1', port);
    return port;
  },
  'a port is given back to NORMAL': async (site, dice) => {
    const { bridge } = await site.leftPorts();
    const port = dice.pick(['s1-eth1', ...bridge]);
    await site.ovs.vsctl('--if-exists', 'clear', 'port', port, 'trunks');
    return port;
  },
  'a device of an instance is deleted': async (site, dice) => {
    const { devices } = await site.leftPorts();
    if (devices.length === 0) return 'there is none';
    const device = dice.pick(devices);
    try {
      execFileSync('ip', ['link', 'del', device], { stdio: 'ignore' });
    } catch {
      // It went by itself.
    }
    return device;
  },
  'a foreign flow takes the place of ours': async (site, dice) => {
    const place = await placeOfOne(site, dice);
    if (place === undefined) return 'there is none';
    await site.ovs.ofctl('-O', 'OpenFlow15', 'add-flow', 's1', `cookie=0xbad,${place},actions=drop`);
    return place;
  },
  'flows that look like ours are added': async (site, dice) => {
    const flow = `cookie=0xc5c5${dice
      .below(2 ** 16)
      .toString(16)
      .padStart(12, '0')}`;
    const place = `table=${dice.below(9)},priority=${dice.below(65536)},in_port=${1 + dice.below(9)}`;
    await site.ovs.ofctl('-O', 'OpenFlow15', 'add-flow', 's1', `${flow},${place},actions=drop`);
    return place;
  },
} as const satisfies Record<string, (site: Site, dice: Dice) => Promise<string>>;

/** What these faults make the controller and the switch say. */
export const SAID_OF_FAULTS = {
  controller: [
    /"instance has a problem"/,
    // The watcher of a sandbox that a fault has killed.
    /"line":"the function was ended by SIGKILL".*"the process of a guest complains"/,
    /"switch disconnected"/,
    // A flow that goes away again and again was deleted by hand.
    /"could not make the switch equal"/,
    /"could not correct a bridge"/,
    /"no connection to the OVSDB server"/,
  ],
  ovs: [
    /rconn\|WARN\|s1<->tcp:127\.0\.0\.1:\d+: connection (dropped|failed)/,
    /stream_tcp|socket_util/,
    /(jsonrpc|reconnect)\|WARN\|unix(#\d+|:\S+db\.sock): (receive error|send error|connection dropped)/,
  ],
} as const;

/** What the switch says of a port whose device was deleted. */
export const SAID_OF_STRANGERS: readonly RegExp[] = [
  /(netdev_linux|dpif_netdev|netdev)(\([^)]*\))?\|(WARN|ERR)\|.*ct\d+[lr]/,
  /bridge\|WARN\|could not open network device ct\d+[lr]/,
];

/**
 * A guest that begins to use its interface just when the device has been deleted: its emulator holds a device
 * that is gone and says so once, before it is ended for that reason.
 */
export const SAID_OF_DELETED_DEVICES: readonly RegExp[] = [
  /"line":"[^"]*TUNSETOFFLOAD ioctl\(\) failed: File descriptor in bad state[^"]*".*"the process of a guest complains"/,
];

export type FlowEvent = { readonly event: string; readonly cookie: bigint; readonly text: string };

/** Hears of every flow that is added to the bridge, changed, or deleted. */
export class FlowMonitor {
  readonly events: FlowEvent[] = [];
  readonly #child: ReturnType<typeof spawn>;

  private constructor(site: Site) {
    const argv = ['--pdeathsig', 'KILL', 'ovs-ofctl', '-O', 'OpenFlow15', 'monitor', 's1', 'watch:!initial'];
    this.#child = spawn('setpriv', argv, {
      env: { ...process.env, OVS_RUNDIR: site.ovs.dir },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  }

  static async open(t: Test, site: Site): Promise<FlowMonitor> {
    const monitor = new FlowMonitor(site);
    t.teardown(() => monitor.#child.kill());
    const { stdout, stderr } = monitor.#child;
    if (stdout === null || stderr === null) throw new Error('the monitor has no output');
    // What comes by itself it prints on stderr, the answer to its request on stdout.
    createInterface(stderr).on('line', (line) => {
      const [, event = '', cookie = '0'] = /event=(\w+) .*cookie=(0x[0-9a-f]+)/.exec(line) ?? [];
      if (event !== '') monitor.events.push({ event, cookie: BigInt(cookie), text: line.trim() });
    });
    await new Promise<void>((resolve) => createInterface(stdout).once('line', () => resolve()));
    return monitor;
  }

  /** Waits until all that happened so far is among the events: a flow that is made now is the last one. */
  async now(site: Site): Promise<readonly FlowEvent[]> {
    const cookie = 0xf00d0000n + BigInt(this.events.length);
    const flow = `cookie=0x${cookie.toString(16)},table=200,priority=1,in_port=1`;
    await site.ovs.ofctl('-O', 'OpenFlow15', 'add-flow', 's1', `${flow},actions=drop`);
    const deadline = Date.now() + 20_000;
    while (!this.events.some((event) => event.cookie === cookie)) {
      if (Date.now() > deadline) throw new Error('the monitor hears nothing');
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    await site.ovs.ofctl('-O', 'OpenFlow15', '--strict', 'del-flows', 's1', 'table=200,priority=1,in_port=1');
    return this.events.filter((event) => event.cookie >> 48n === 0xc5c5n);
  }
}
