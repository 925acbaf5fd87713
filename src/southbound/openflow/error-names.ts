/**
 * OpenFlow's own names of the errors that a switch may give for what is sent to it (OpenFlow 1.5.1, section
 * 7.5.4; 1.3.5, section 7.4.4). The position in a list is the code; a gap is a code without a name.
 */
const NAMES: Readonly<Record<number, readonly [prefix: string, ...codes: string[]]>> = {
  0: ['OFPHFC', 'INCOMPATIBLE', 'EPERM'],
  1: [
    'OFPBRC',
    'BAD_VERSION',
    'BAD_TYPE',
    'BAD_MULTIPART',
    'BAD_EXPERIMENTER',
    'BAD_EXP_TYPE',
    'EPERM',
    'BAD_LEN',
    'BUFFER_EMPTY',
    'BUFFER_UNKNOWN',
    'BAD_TABLE_ID',
    'IS_SLAVE',
    'BAD_PORT',
    'BAD_PACKET',
    'MULTIPART_BUFFER_OVERFLOW',
    'MULTIPART_REQUEST_TIMEOUT',
    'MULTIPART_REPLY_TIMEOUT',
    'MULTIPART_BAD_SCHED',
    'PIPELINE_FIELDS_ONLY',
    'UNKNOWN',
  ],
  2: [
    'OFPBAC',
    'BAD_TYPE',
    'BAD_LEN',
    'BAD_EXPERIMENTER',
    'BAD_EXP_TYPE',
    'BAD_OUT_PORT',
    'BAD_ARGUMENT',
    'EPERM',
    'TOO_MANY',
    'BAD_QUEUE',
    'BAD_OUT_GROUP',
    'MATCH_INCONSISTENT',
    'UNSUPPORTED_ORDER',
    'BAD_TAG',
    'BAD_SET_TYPE',
    'BAD_SET_LEN',
    'BAD_SET_ARGUMENT',
    'BAD_SET_MASK',
    'BAD_METER',
  ],
  3: [
    'OFPBIC',
    'UNKNOWN_INST',
    'UNSUP_INST',
    'BAD_TABLE_ID',
    'UNSUP_METADATA',
    'UNSUP_METADATA_MASK',
    'BAD_EXPERIMENTER',
    'BAD_EXP_TYPE',
    'BAD_LEN',
    'EPERM',
    'DUP_INST',
  ],
  4: [
    'OFPBMC',
    'BAD_TYPE',
    'BAD_LEN',
    'BAD_TAG',
    'BAD_DL_ADDR_MASK',
    'BAD_NW_ADDR_MASK',
    'BAD_WILDCARDS',
    'BAD_FIELD',
    'BAD_VALUE',
    'BAD_MASK',
    'BAD_PREREQ',
    'DUP_FIELD',
    'EPERM',
  ],
  5: [
    'OFPFMFC',
    'UNKNOWN',
    'TABLE_FULL',
    'BAD_TABLE_ID',
    'OVERLAP',
    'EPERM',
    'BAD_TIMEOUT',
    'BAD_COMMAND',
    'BAD_FLAGS',
    'CANT_SYNC',
    'BAD_PRIORITY',
    'IS_SYNC',
  ],
  17: [
    'OFPBFC',
    'UNKNOWN',
    'EPERM',
    'BAD_ID',
    'BUNDLE_EXIST',
    'BUNDLE_CLOSED',
    'OUT_OF_BUNDLES',
    'BAD_TYPE',
    'BAD_FLAGS',
    'MSG_BAD_LEN',
    'MSG_BAD_XID',
    'MSG_UNSUP',
    'MSG_CONFLICT',
    'MSG_TOO_MANY',
    'MSG_FAILED',
    'TIMEOUT',
    'BUNDLE_IN_PROGRESS',
  ],
};

/** `OFPBAC_BAD_OUT_PORT`, or the numbers where there is no name. */
export function errorName(error: {
  readonly errorType: number;
  readonly code: number;
  readonly experimenter?: number;
}): string {
  if (error.experimenter !== undefined)
    return `experimenter 0x${error.experimenter.toString(16)} error ${error.code}`;
  const [prefix, ...codes] = NAMES[error.errorType] ?? [];
  const name = codes[error.code];
  return name === undefined ? `error ${error.errorType}/${error.code}` : `${prefix}_${name}`;
}
