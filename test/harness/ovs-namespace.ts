/** How a test process knows that its network namespace is its own; `ovs-netns.ts` sets the mark. */
export const NAMESPACE_MARK = 'CHAINSTITCH_TEST_NETNS';

/** Whether this process is in a network namespace that no other test shares. */
export const inPrivateNamespace = (): boolean => process.env[NAMESPACE_MARK] === String(process.pid);
