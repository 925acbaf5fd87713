/** Instances for which the host has no room wait, and start by themselves when there is. */
import '../harness/ovs-netns.ts';
import t from 'tap';
import { BLANK_REVISION } from '../../src/model/desired.ts';
import { memoryOf } from '../../src/nf/admission.ts';
import { eventually } from '../harness/ovs-eventually.ts';
import { factOf, functionSpec, makeImages, newManager, testInBothWorlds } from './nf-world.ts';

makeImages('counter');

testInBothWorlds(
  t,
  'who finds no room waits, blanks give way, and a restart of the controller takes no place',
  async (t, world) => {
    const { isolation } = world;
    const one = memoryOf(functionSpec('counter', isolation), isolation);
    const room = { memoryMiB: 2 * one + 1, instances: 9 };
    const phases = (): readonly (string | undefined)[] =>
      [1, 2, 3].map((number) => factOf(running, number)?.phase);
    const blank = world.wanted(1, { revision: BLANK_REVISION });
    let running = world.start({ room });

    running.instances.want([blank, world.wanted(2)]);
    await eventually(t, 'both are up', () => `${phases().slice(0, 2)}` === 'ready,ready');
    running.instances.want([blank, world.wanted(2), world.wanted(3)]);
    await eventually(t, 'the blank has given way', () => `${phases()}` === 'waiting,ready,ready');
    t.match(
      factOf(running, 1)?.problem,
      new RegExp(`needs ${one} MiB .* free are 1 of ${room.memoryMiB} MiB`),
    );
    t.equal(factOf(running, 1)?.pid, undefined);
    t.equal(world.guests().length, 2, 'no more guests than there is room for');

    await running.stop('keep');
    world.ports.close();
    Object.assign(world, { ports: newManager() });
    running = world.start({ room });
    await running.settled;
    running.instances.want([world.wanted(1), world.wanted(2), world.wanted(3)]);
    await eventually(t, 'what runs has its place', () => `${phases()}` === 'waiting,ready,ready');

    process.kill(factOf(running, 2)?.pid ?? 0, 'SIGKILL');
    await eventually(t, 'one that dies keeps its place', () => factOf(running, 2)?.restarts === 1);
    await eventually(t, 'and is up again', () => `${phases()}` === 'waiting,ready,ready');

    running.instances.want([world.wanted(1), world.wanted(2)]);
    await eventually(t, 'who waited is up', () => `${phases()}` === 'ready,ready,');
    t.equal(factOf(running, 1)?.problem, undefined);
    running.instances.want([world.wanted(1), world.wanted(2), world.wanted(3)]);
    await eventually(t, 'the next one waits', () => factOf(running, 3)?.phase === 'waiting');
    await running.stop('remove');
    t.ok(world.isEmpty(), 'one that waits goes with the others');
  },
);
