/**
 * Addresses that only this machine can reach.
 */

/** Whether a host, as it stands in a setting, is one of them. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);
}
