/**
 * Certificates for one test, made by openssl as an operator would make them.
 */
import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, renameSync } from 'node:fs';

export type Credential = { readonly cert: string; readonly key: string };

const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'];

export class Authority {
  readonly #dir: string;
  readonly #name: string;
  /** The file of its own certificate. */
  readonly ca: string;

  /** Makes an authority whose files begin with its name. */
  constructor(dir: string, name: string) {
    this.#dir = dir;
    this.#name = name;
    this.ca = `${dir}/${name}.pem`;
    openssl(
      'req',
      '-x509',
      ...NEW_KEY,
      '-keyout',
      `${dir}/${name}.key`,
      '-out',
      this.ca,
      '-subj',
      `/CN=${name}`,
    );
  }

  /** Signs a new certificate for a name and 127.0.0.1. */
  issue(name: string): Credential {
    const [cert, key] = [`${this.#dir}/${name}.pem`, `${this.#dir}/${name}.key`];
    openssl(
      ...['req', '-x509', ...NEW_KEY, '-CA', this.ca, '-CAkey', `${this.#dir}/${this.#name}.key`],
      ...['-keyout', key, '-out', cert, '-subj', `/CN=${name}`],
      ...['-addext', 'basicConstraints=critical,CA:FALSE'],
      ...['-addext', 'subjectAltName=IP:127.0.0.1,DNS:localhost'],
    );
    chmodSync(key, 0o600);
    return { cert, key };
  }
}

/** Puts one credential in the place of another, each file in one step, the certificate first. */
export function renew(place: Credential, by: Credential): void {
  for (const file of ['cert', 'key'] as const) {
    copyFileSync(by[file], `${place[file]}.new`);
    chmodSync(`${place[file]}.new`, 0o600);
    renameSync(`${place[file]}.new`, place[file]);
  }
}

function openssl(...args: readonly string[]): void {
  execFileSync('openssl', args, { stdio: 'pipe' });
}
