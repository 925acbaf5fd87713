import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import t from 'tap';
import { instanceArguments, probeArguments } from '../../../src/nf/argv.ts';
import { wantedInstance } from './wanted.ts';

const files = {
  image: '/images/firewall.elf',
  config: '/run/cs/config.json',
  console: '/run/cs/console.sock',
  state: '/run/cs/state',
  data: '/run/cs/lists/1.names',
};

t.test('the whole command line', async (t) => {
  t.strictSame(
    instanceArguments(wantedInstance(1), 5, files, {
      accelerator: 'tcg',
      time: 7,
      user: 1_900_000_001,
      root: '/run/cs/empty',
    }),
    [
      '-M',
      'microvm,acpi=off,pic=off,pit=on,rtc=off,isa-serial=on,auto-kernel-cmdline=off',
      '-accel',
      'tcg,tb-size=64',
      '-nodefaults',
      '-no-user-config',
      '-no-reboot',
      '-display',
      'none',
      '-m',
      '4',
      '-global',
      'virtio-mmio.force-legacy=false',
      '-kernel',
      '/images/firewall.elf',
      '-append',
      'chainstitch.id=i1 chainstitch.left=02:00:00:00:01:01 chainstitch.right=02:00:00:00:01:02',
      '-fw_cfg',
      'name=opt/chainstitch/config,file=/run/cs/config.json',
      '-fw_cfg',
      'name=opt/chainstitch/revision,string=5',
      '-fw_cfg',
      'name=opt/chainstitch/time,string=7',
      '-fw_cfg',
      'name=opt/chainstitch/state,file=/run/cs/state',
      '-fw_cfg',
      'name=opt/chainstitch/data,file=/run/cs/lists/1.names',
      '-netdev',
      'tap,id=left,ifname=cs1l,script=no,downscript=no,vhost=off',
      '-device',
      'virtio-net-device,netdev=left,mac=02:00:00:00:01:01,bus=virtio-mmio-bus.0',
      '-netdev',
      'tap,id=right,ifname=cs1r,script=no,downscript=no,vhost=off',
      '-device',
      'virtio-net-device,netdev=right,mac=02:00:00:00:01:02,bus=virtio-mmio-bus.1',
      '-chardev',
      'socket,id=console,path=/run/cs/console.sock,server=on,wait=off',
      '-serial',
      'chardev:console',
      '-chroot',
      '/run/cs/empty',
      '-runas',
      '1900000001:1900000001',
      '-sandbox',
      'on,obsolete=deny,elevateprivileges=allow,spawn=deny,resourcecontrol=deny',
    ],
  );
});

t.test('who cannot change the user does not let the emulator do it either', async (t) => {
  const args = instanceArguments(wantedInstance(1), 5, files, { accelerator: 'kvm', time: 7 });
  t.notOk(args.includes('-runas'));
  t.match(args.at(-1), 'elevateprivileges=deny');
  t.equal(args[args.indexOf('-accel') + 1], 'kvm');
});

t.test('a comma in a path does not end the option', async (t) => {
  const odd = { ...files, console: '/run/a,server=off/c.sock', config: '/run/a,b' };
  const args = instanceArguments(wantedInstance(1), 1, odd, { accelerator: 'tcg', time: 7 });
  t.ok(args.includes('socket,id=console,path=/run/a,,server=off/c.sock,server=on,wait=off'));
  t.ok(args.includes('name=opt/chainstitch/config,file=/run/a,,b'));
});

t.test('a probe opens no device of the host', async (t) => {
  const args = probeArguments('probe', files, { accelerator: 'kvm', time: 7 });
  t.strictSame(
    args.filter((arg) => arg.startsWith('tap')),
    [],
  );
  t.equal(args.filter((arg) => arg.startsWith('hubport')).length, 2);
});

t.test('the machine is the one that the images are built for', async (t) => {
  const readme = readFileSync(resolve(import.meta.dirname, '../../../unikernels/README.md'), 'utf8');
  const args = instanceArguments(wantedInstance(1), 1, files, { accelerator: 'tcg', time: 7 });
  for (const option of ['-M', '-global']) {
    const value = args[args.indexOf(option) + 1] ?? '';
    t.ok(readme.includes(`${option} ${value}`), `${option} ${value}`);
  }
});
