import t from 'tap';
import { imageOf, isolationGiven, isolationWith, launchOf } from '../../../src/nf/isolation.ts';
import { Users } from '../../../src/nf/users.ts';
import { wantedInstance } from './wanted.ts';

const one = wantedInstance(1);
const both = { ...one.function, sandbox: 'firewall.sandbox' };

t.test('what an instance is kept in', async (t) => {
  t.equal(isolationGiven(one.function), 'vm', 'there is nothing else');
  t.equal(isolationGiven(both), undefined, 'it depends');
  t.equal(isolationGiven({ ...both, isolation: 'vm' }), 'vm');
  t.equal(isolationGiven({ ...both, isolation: 'process' }), 'process');
  t.equal(isolationWith('kvm'), 'vm');
  t.equal(isolationWith('tcg'), 'process');
  t.equal(imageOf(both, 'vm'), 'firewall.elf');
  t.equal(imageOf(both, 'process'), 'firewall.sandbox');
});

t.test('how a process is started', async (t) => {
  const files = { image: '/i/firewall.sandbox', config: '/r/config.json', console: '/r/console.sock' };
  const options = { qemu: 'qemu', accelerator: 'tcg', time: 7 } as const;
  const { program, args } = launchOf('process', one, 5, files, options);
  t.equal(program, files.image);
  t.strictSame(args, [
    '--append',
    'chainstitch.id=i1 chainstitch.left=02:00:00:00:01:01 chainstitch.right=02:00:00:00:01:02',
    ...['--left', 'cs1l', '--right', 'cs1r'],
    ...['--console', '/r/console.sock', '--memory', '4'],
    ...['--file', 'opt/chainstitch/config=/r/config.json'],
    ...['--value', 'opt/chainstitch/revision=5'],
    ...['--value', 'opt/chainstitch/time=7'],
  ]);
  const more = launchOf('process', one, 5, { ...files, state: '/r/state' }, { ...options, user: 8 });
  t.strictSame(more.args.slice(args.length), [
    ...['--file', 'opt/chainstitch/state=/r/state'],
    ...['--user', '8'],
  ]);
  t.equal(launchOf('vm', one, 5, files, options).program, 'qemu');
});

t.test('each has a user of its own', { skip: process.getuid?.() !== 0 && 'needs root' }, async (t) => {
  const users = new Users('/run/a');
  const [first, second] = [users.take(), users.take()];
  t.equal(new Set([first, second, users.probe]).size, 3);
  users.release(first);
  t.equal(users.take(), first, 'and it is given on');
  const later = new Users('/run/a');
  later.keep(first);
  t.equal(later.take(), second, 'but not while a guest of an earlier run has it');
  const other = new Users('/run/b').take();
  t.not(other, first, 'and another controller has others');
});
