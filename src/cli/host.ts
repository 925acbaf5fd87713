/**
 * What the command needs of the rest of the product, which it may not see.
 */

import type { Machine } from './doctor.ts';

export type Restored = {
  readonly revision: number;
  readonly objects: number;
  readonly before?: string;
  readonly notes: readonly string[];
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
  /** What `doctor` looks at, with these settings. @throws ChainstitchError `bad-setting` */
  machine(argv: readonly string[]): Promise<Machine>;
  /** The options of `serve`, as `--name=value` and what it does. */
  settings(): Promise<readonly { readonly flags: string; readonly help: string }[]>;
};
