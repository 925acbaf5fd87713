import type net from 'node:net';
import tls from 'node:tls';
import type { TlsCredentials } from '../../model/interfaces.ts';
import type { Log } from '../log.ts';

/** Time for a handshake: a switch answers at once. */
const HANDSHAKE_MS = 5000;
/** Connections in their handshake; one more closes the oldest of them. */
const MAX_HANDSHAKES = 256;
/** Peers whose last refusal is remembered, so that one that tries for ever fills no log. */
const MAX_REFUSALS = 256;

export type TlsListener = {
  readonly server: net.Server;
  /** Ends the connections that are in their handshake. */
  drop(): void;
};

/** Takes connections by TLS from whoever shows a certificate of an authority that we believe. */
export function tlsListener(
  credentials: TlsCredentials,
  log: Log,
  accept: (socket: net.Socket) => void,
): TlsListener {
  const options = (): tls.TlsOptions => ({ ...credentials.current(), minVersion: 'TLSv1.2' });
  const server = tls.createServer({
    ...options(),
    requestCert: true,
    // Looked at below, where the reason can still be told.
    rejectUnauthorized: false,
    handshakeTimeout: HANDSHAKE_MS,
  });
  credentials.onChange(() => server.setSecureContext(options()));

  const shaking = new Map<string, net.Socket>();
  const refusals = new Map<string, string>();
  const hostOf = (peer: string): string => peer.slice(0, peer.lastIndexOf(':'));
  const refused = (peer: string, reason: string): void => {
    const host = hostOf(peer);
    if (refusals.get(host) === reason) return;
    if (refusals.size >= MAX_REFUSALS) refusals.clear();
    refusals.set(host, reason);
    log.warn({ peer, reason }, 'refused a connection by TLS');
  };
  server.on('connection', (socket: net.Socket) => {
    const peer = peerOf(socket);
    shaking.set(peer, socket);
    socket.once('close', () => shaking.delete(peer));
    const [oldest] = shaking.values();
    if (shaking.size > MAX_HANDSHAKES) oldest?.destroy();
  });
  server.on('secureConnection', (socket) => {
    const peer = peerOf(socket);
    shaking.delete(peer);
    if (!socket.authorized) {
      refused(peer, `no certificate of a known authority: ${String(socket.authorizationError)}`);
      socket.destroy();
      return;
    }
    refusals.delete(hostOf(peer));
    accept(socket);
  });
  server.on('tlsClientError', (error, socket) => {
    refused(peerOf(socket), error.message);
    socket.destroy();
  });
  return {
    server,
    drop: () => {
      for (const socket of shaking.values()) socket.destroy();
    },
  };
}

const peerOf = ({ remoteAddress, remotePort }: net.Socket): string => `${remoteAddress}:${remotePort}`;
