/** What a DecodeError says was broken. */
export type Rule =
  | 'truncated'
  | 'length'
  | 'trailing'
  | 'align'
  | 'version'
  | 'type'
  | 'value'
  | 'depth'
  | 'limit';

/** An OpenFlow error type and code (ofp_error_msg), as numbers of the wire. */
export interface OfErrorCode {
  readonly type: number;
  readonly code: number;
}

/**
 * Bytes that are not OpenFlow. Everything needed to answer the peer: `ofError` is what an
 * OFPT_ERROR message should carry.
 */
export class DecodeError extends Error {
  override readonly name = 'DecodeError';
  /** Where in the value, such as `flowMod.instructions.0.actions.2`. */
  readonly path: string;
  /** Where in the bytes handed to decode, counted from 0. */
  readonly offset: number;
  readonly rule: Rule;
  readonly ofError: OfErrorCode;

  constructor(path: string, offset: number, rule: Rule, ofError: OfErrorCode, detail: string) {
    super(`${path || 'message'} at byte ${offset}: ${detail}`);
    this.path = path;
    this.offset = offset;
    this.rule = rule;
    this.ofError = ofError;
  }
}

/** A value that the asked-for version of OpenFlow cannot carry: a programming error of the caller. */
export class EncodeError extends Error {
  override readonly name = 'EncodeError';
  /** Where in the value, such as `flowMod.match.1.value`. */
  readonly path: string;

  constructor(path: string, detail: string) {
    super(`${path || 'message'}: ${detail}`);
    this.path = path;
  }
}
