/**
 * Certificates and keys in files, read again when the files change: a certificate is renewed without a restart.
 */
import { X509Certificate } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { ChainstitchError } from '../model/errors.ts';
import type { TlsCredentials, TlsMaterial } from '../model/interfaces.ts';

export type CredentialFiles = {
  /** The certificate, with those between it and the root behind it. */
  readonly cert: string;
  readonly key: string;
  /** Whom to believe: the certificates of authorities. */
  readonly ca?: string;
};

type Log = {
  info(detail: object, message: string): void;
  warn(detail: object, message: string): void;
};

export type CredentialOptions = {
  readonly files: CredentialFiles;
  readonly log: Log;
  /** Milliseconds between two looks at the files. */
  readonly pollMs?: number;
};

const POLL_MS = 2000;

export class FileCredentials implements TlsCredentials {
  readonly #options: CredentialOptions;
  readonly #listeners = new Set<() => void>();
  readonly #timer: NodeJS.Timeout;
  #material: TlsMaterial;
  /** How the files were when they were last read well. */
  #stamp: string;
  #complaint: string | undefined;

  /** @throws ChainstitchError `bad-setting` where the files cannot be used as they are */
  constructor(options: CredentialOptions) {
    this.#options = options;
    this.#stamp = stampOf(options.files);
    this.#material = load(options.files);
    this.#announce();
    this.#timer = setInterval(() => this.reload(), options.pollMs ?? POLL_MS).unref();
  }

  current(): TlsMaterial {
    return this.#material;
  }

  onChange(listener: () => void): void {
    this.#listeners.add(listener);
  }

  /**
   * Looks at the files now. What cannot be used is said once, and the old stays until it can: a certificate and
   * its key are two files, which nobody replaces in one moment.
   */
  reload(): void {
    const { files, log } = this.#options;
    try {
      const stamp = stampOf(files);
      if (stamp === this.#stamp) return;
      this.#material = load(files);
      this.#stamp = stamp;
      this.#complaint = undefined;
    } catch (error) {
      const { message } = error as Error;
      if (message !== this.#complaint) {
        log.warn({ ...files, reason: message }, 'certificates cannot be used; the ones from before stay');
      }
      this.#complaint = message;
      return;
    }
    this.#announce();
    for (const listener of this.#listeners) listener();
  }

  close(): void {
    clearInterval(this.#timer);
    this.#listeners.clear();
  }

  #announce(): void {
    const { files, log } = this.#options;
    const { subject, validTo } = new X509Certificate(this.#material.cert);
    const detail = { ...files, subject, validTo };
    if (Date.parse(validTo) < Date.now()) log.warn(detail, 'the certificate has expired');
    else log.info(detail, 'certificates are in use');
  }
}

function load(files: CredentialFiles): TlsMaterial {
  const cert = read('certificate', files.cert);
  const key = read('key', files.key);
  const ca = files.ca === undefined ? undefined : read('certificates of authorities', files.ca);
  refuseOpenKey(files.key);
  parse(files.cert, cert);
  if (files.ca !== undefined && ca !== undefined) parse(files.ca, ca);
  try {
    createSecureContext({ cert, key });
  } catch (error) {
    throw bad(
      `${files.key} is not the key of ${files.cert}, or needs a password: ${(error as Error).message}`,
    );
  }
  return { cert, key, ...(ca === undefined ? {} : { ca }) };
}

function read(what: string, file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw bad(`the ${what} cannot be read: ${(error as Error).message}`);
  }
}

function parse(file: string, text: string): void {
  try {
    new X509Certificate(text);
  } catch {
    throw bad(`${file} holds no certificate in PEM`);
  }
}

/** As PostgreSQL has it: ours alone, or root's and readable for a group. */
function refuseOpenKey(file: string): void {
  const { mode, uid } = statSync(file);
  const isRoots = uid === 0 && process.geteuid?.() !== 0;
  const forbidden = mode & (isRoots ? 0o027 : 0o077);
  if (forbidden === 0) return;
  const octal = (mode & 0o777).toString(8).padStart(4, '0');
  throw bad(`the key ${file} is open to others (mode ${octal}): chmod ${isRoots ? '0640' : '0600'} ${file}`);
}

function stampOf({ cert, key, ca }: CredentialFiles): string {
  try {
    return [cert, key, ...(ca === undefined ? [] : [ca])]
      .map((file) => {
        const { ino, size, mtimeMs, mode } = statSync(file);
        return `${ino} ${size} ${mtimeMs} ${mode}`;
      })
      .join(', ');
  } catch (error) {
    throw bad(`a file is missing: ${(error as Error).message}`);
  }
}

function bad(detail: string): ChainstitchError {
  return new ChainstitchError('bad-setting', detail);
}
