/**
 * What the command needs of the rest of the product, which it may not see.
 */

export type Host = {
  /** Runs the controller until it is stopped. @throws ChainstitchError for what an operator can mend */
  serve(argv: readonly string[]): Promise<void>;
  /** The options of `serve`, as `--name=value` and what it does. */
  settings(): Promise<readonly { readonly flags: string; readonly help: string }[]>;
};
