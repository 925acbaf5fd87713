/**
 * What the command needs of the rest of the product, which it may not see.
 */
import type { Json } from '../model/declared.ts';
import type { Machine } from './doctor.ts';

export type Restored = {
  readonly revision: number;
  readonly objects: number;
  readonly before?: string;
  readonly notes: readonly string[];
};

export type OfflineStore =
  | { readonly store: 'none' }
  /** `stateDir` where it is; otherwise as the settings say. */
  | { readonly store: 'this host'; readonly stateDir: string | undefined };

/** The API in this process: no network, no switches, no functions. */
export type Offline = {
  ask(
    method: 'GET' | 'POST' | 'DELETE',
    path: string,
    body?: unknown,
  ): Promise<{ readonly status: number; readonly body: Json | undefined }>;
  close(): Promise<void>;
};

export type Host = {
  /** Runs the controller until it is stopped. @throws ChainstitchError for what an operator can mend */
  serve(argv: readonly string[]): Promise<void>;
  /**
   * Puts a backup in the place of the store of this host.
   * @param stateDir where it is; otherwise as the settings say
   * @throws ChainstitchError `store-unusable`, `bad-setting`
   */
  restore(file: string, stateDir: string | undefined): Promise<Restored>;
  /**
   * The API without a controller: on nothing, or on the store of this host, which no controller may have open.
   * @throws ChainstitchError `store-unusable`, `bad-setting`
   */
  offline(on: OfflineStore): Promise<Offline>;
  /** What `doctor` looks at, with these settings. @throws ChainstitchError `bad-setting` */
  machine(argv: readonly string[]): Promise<Machine>;
  /** The options of `serve`, as `--name=value` and what it does. */
  settings(): Promise<readonly { readonly flags: string; readonly help: string }[]>;
};
