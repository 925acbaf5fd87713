import { ChainstitchError } from '../../model/errors.ts';

/** Where an OVSDB server listens. */
export type OvsdbAddress =
  | { readonly kind: 'unix'; readonly path: string }
  | { readonly kind: 'tcp' | 'ssl'; readonly host: string; readonly port: number };

const TCP = /^(tcp|ssl):(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/;

/** Reads `unix:/path`, `tcp:host:port` or `ssl:host:port`, an IPv6 host in brackets. @throws ChainstitchError `ovsdb-failed` */
export function parseOvsdbAddress(text: string): OvsdbAddress {
  if (text.startsWith('unix:') && text.length > 5) return { kind: 'unix', path: text.slice(5) };
  const [, kind, v6, host, digits] = TCP.exec(text) ?? [];
  const port = Number(digits);
  const name = v6 ?? host;
  if (name !== undefined && port > 0 && port < 65536)
    return { kind: kind as 'tcp' | 'ssl', host: name, port };
  throw new ChainstitchError(
    'ovsdb-failed',
    `"${text}" is no address of an OVSDB server; write unix:/path, tcp:host:port or ssl:host:port`,
  );
}
