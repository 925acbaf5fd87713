import type { DecodeError } from './bytes/errors.ts';
import type { MessageOf } from './message.ts';

/** How much of a message an error about it repeats: the standard asks for at least this. */
const repeatedBytes = 64;

/**
 * The error message that tells a peer what was wrong with what it sent: same version and xid, the OpenFlow error
 * of the DecodeError, the first 64 bytes. `bytes` is the whole message, of at least the 8 bytes of a header.
 */
export function errorAnswer(error: DecodeError, bytes: Uint8Array): MessageOf<'error'> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return {
    type: 'error',
    version: view.getUint8(0),
    xid: view.getUint32(4),
    errorType: error.ofError.type,
    code: error.ofError.code,
    data: bytes.subarray(0, repeatedBytes),
  };
}
