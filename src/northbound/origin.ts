/**
 * Who may call: programs, and pages of this API itself. A page from elsewhere that calls across origins gives
 * itself away by the Origin header; one that made its name point to 127.0.0.1 (DNS rebinding) by the Host header.
 */
import { ChainstitchError } from '../model/errors.ts';

export type Expected = {
  /** How pages of this API were fetched. */
  readonly schemes: readonly string[];
  /** Where nobody has to say who they are, the name of this machine is all that tells a rebound page. */
  readonly host: 'loopback' | 'any';
};

/** With any port: it differs behind a tunnel, and a rebound page cannot choose the host. */
const LOOPBACK_HOST = /^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d{1,5})?$/i;

/** @throws ChainstitchError `forbidden-origin` */
export function refuseForeignOrigin(
  { host, origin }: { readonly host?: string | undefined; readonly origin?: string | undefined },
  expected: Expected,
): void {
  if (host === undefined || (expected.host === 'loopback' && !LOOPBACK_HOST.test(host))) {
    throw new ChainstitchError('forbidden-origin', `the host \`${host ?? ''}\` is not this machine`);
  }
  const own = expected.schemes.map((scheme) => `${scheme}://${host.toLowerCase()}`);
  if (origin !== undefined && !own.includes(origin.toLowerCase())) {
    throw new ChainstitchError('forbidden-origin', `a page of \`${origin}\` may not call this API`);
  }
}
