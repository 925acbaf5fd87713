/**
 * What the command needs of the rest of the product, which it may not see.
 */

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
  /** The options of `serve`, as `--name=value` and what it does. */
  settings(): Promise<readonly { readonly flags: string; readonly help: string }[]>;
};
