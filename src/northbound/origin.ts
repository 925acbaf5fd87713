/**
 * Who may call: programs on this machine, and pages of this API itself. A page from elsewhere that made its
 * name point to 127.0.0.1 (DNS rebinding) gives itself away by the Host header; one that calls across origins
 * by the Origin header.
 */
import { ChainstitchError } from '../model/errors.ts';

/** With any port: it differs behind a tunnel, and a rebound page cannot choose the host. */
const LOOPBACK_HOST = /^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d{1,5})?$/i;

/** @throws ChainstitchError `forbidden-origin` */
export function refuseForeignOrigin(host: string | undefined, origin: string | undefined): void {
  if (host === undefined || !LOOPBACK_HOST.test(host)) {
    throw new ChainstitchError('forbidden-origin', `the host \`${host ?? ''}\` is not this machine`);
  }
  if (origin !== undefined && origin.toLowerCase() !== `http://${host.toLowerCase()}`) {
    throw new ChainstitchError('forbidden-origin', `a page of \`${origin}\` may not call this API`);
  }
}
