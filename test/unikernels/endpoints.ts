/** Real stacks at both sides of a machine. */
import { createNamespace, DEVICES, ip, type Teardown } from './machine.ts';

const ADDRESSES = {
  left: ['10.9.0.1', 'fd09::1'],
  right: ['10.9.0.2', 'fd09::2'],
} as const;

/** Gives one side of the machine to a namespace of its own, with addresses. */
export function endpoint(t: Teardown, namespace: string, side: 'left' | 'right'): string {
  const name = createNamespace({ ipv6: true });
  t.teardown(() => ip('netns', 'delete', name));
  ip('-n', namespace, 'link', 'set', DEVICES[side], 'netns', name);
  ip('-n', name, 'link', 'set', 'lo', 'up');
  ip('-n', name, 'addr', 'add', `${ADDRESSES[side][0]}/24`, 'dev', DEVICES[side]);
  ip('-n', name, 'addr', 'add', `${ADDRESSES[side][1]}/64`, 'dev', DEVICES[side], 'nodad');
  ip('-n', name, 'link', 'set', DEVICES[side], 'up');
  return name;
}
