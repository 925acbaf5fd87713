import t from 'tap';

import { buildImages, MACS, type MachineOptions, placeMachine, startMachine } from './machine.ts';
import { ethernet, Wire } from './wire.ts';

buildImages();

const missing = 'opt/chainstitch/config: no such fw_cfg file';
const append = `chainstitch.id=a chainstitch.left=${MACS.left} chainstitch.right=${MACS.right}`;

const cases: { what: string; options: MachineOptions; reason: string | RegExp }[] = [
  {
    what: 'cards that are swapped',
    options: { buses: { left: 1, right: 0 } },
    reason: `left: declared ${MACS.left} but the card is ${MACS.right}`,
  },
  {
    what: 'another MAC address than declared',
    options: { macs: { left: MACS.left, right: '02:00:00:00:00:03' } },
    reason: `right: declared 02:00:00:00:00:03 but the card is ${MACS.right}`,
  },
  {
    what: 'no card on the right',
    options: { buses: { left: 0, right: null } },
    reason: 'right: no network card',
  },
  {
    what: 'no card on the left',
    options: { buses: { left: null, right: 1 } },
    reason: 'left: no network card',
  },
  {
    what: 'a card on a bus that is nobody’s',
    options: { buses: { left: 0, right: 5 } },
    reason: 'right: no network card',
  },
  {
    what: 'a third device',
    options: { extra: ['-device', 'virtio-rng-device,bus=virtio-mmio-bus.7'] },
    reason: 'a device that was not declared is on another virtio-mmio bus',
  },
  {
    what: 'a device that is no network card',
    options: {
      buses: { left: 0, right: null },
      extra: ['-device', 'virtio-rng-device,bus=virtio-mmio-bus.1'],
    },
    reason: 'right: device is not a network card',
  },
  {
    what: 'legacy virtio',
    options: { global: 'virtio-mmio.force-legacy=true' },
    reason: 'left: virtio-mmio is not version 2 (force-legacy=false is missing)',
  },
  {
    what: 'no clock to measure against',
    options: {
      machineType: 'microvm,acpi=off,pic=off,pit=off,rtc=off,isa-serial=on,auto-kernel-cmdline=off',
    },
    reason: /^clock: /,
  },
  { what: 'no configuration', options: { config: null }, reason: missing },
  {
    what: 'no revision',
    options: { revision: null },
    reason: 'opt/chainstitch/revision: no such fw_cfg file',
  },
  {
    what: 'a revision that is no number',
    options: { revision: '1a' },
    reason: 'opt/chainstitch/revision: not a decimal number',
  },
  {
    what: 'a configuration that is too long',
    options: { config: ' '.repeat(262_145) },
    reason: 'opt/chainstitch/config: fw_cfg file is too long',
  },
  {
    what: 'a configuration that is wrong',
    options: { config: { default: 'deny', rules: [{ allow: { port: 80 } }] } },
    reason: 'opt/chainstitch/config: rule 0: port needs protocol tcp or udp, at byte 47',
  },
  {
    what: 'an empty configuration',
    options: { config: '' },
    reason: 'opt/chainstitch/config: an object is expected, at byte 0',
  },
  {
    what: 'no id',
    options: { append: append.replace('chainstitch.id=a ', '') },
    reason: 'chainstitch.id is missing or not an id',
  },
  {
    what: 'an id with a capital',
    options: { id: 'Firewall' },
    reason: 'chainstitch.id is missing or not an id',
  },
  {
    what: 'an id that is too long',
    options: { id: 'a'.repeat(65) },
    reason: 'chainstitch.id is missing or not an id',
  },
  {
    what: 'two ids',
    options: { append: `${append} chainstitch.id=b` },
    reason: 'chainstitch.id is missing or not an id',
  },
  {
    what: 'a MAC address that is none',
    options: { macs: { left: '02:00:00:00:00', right: MACS.right } },
    reason: 'chainstitch.left is missing or not a MAC address',
  },
];

for (const { what, options, reason } of cases) {
  t.test(`refuses ${what}`, async (t) => {
    const { machine, console, introduction } = await startMachine(t, options);
    t.match(
      introduction,
      typeof reason === 'string' ? `refused reason=${reason}` : /^refused reason=clock: /,
    );
    t.equal(await console.ask('health'), 'error reason=refused to be ready');
    t.equal(await console.configure(2, { default: 'allow' }), 'config refused reason=refused to be ready');
    t.equal(await console.ask('shutdown'), 'shutdown ok');
    t.equal(await machine.exit(), 0);
  });
}

t.test('too little memory ends in a panic', async (t) => {
  const { machine } = placeMachine(t, { memoryMiB: 2 });
  t.equal(await machine.exit(), 0);
  t.equal(machine.log(), 'panic the machine has too little memory for this image\n');
});

t.test('what refuses passes nothing', async (t) => {
  const { namespace, console } = await startMachine(t, { config: null });
  const wire = await Wire.open(t, namespace);
  wire.send('left', ethernet(0x0806, Buffer.alloc(46)));
  t.equal(await console.ask('hello'), `refused reason=${missing}`);
  t.strictSame(wire.unread, [], 'and the frame did not come out');
});
