/**
 * Every error of the standard (OpenFlow 1.5.1, 7.5.4; those of 1.3.5 are among them with the same numbers),
 * and those of the experimenters that Open vSwitch sends. The place in a list is the code.
 */
import { experimenters } from './numbers.ts';

type Codes = readonly (readonly [name: string, meaning: string])[];

export interface ErrorType {
  readonly name: string;
  readonly codes: Codes;
}

export const errorTypes = [
  {
    name: 'HELLO_FAILED',
    codes: [
      ['INCOMPATIBLE', 'the two sides share no version'],
      ['EPERM', 'not allowed'],
    ],
  },
  {
    name: 'BAD_REQUEST',
    codes: [
      ['BAD_VERSION', "the header's version is not supported"],
      ['BAD_TYPE', "the header's type is not supported"],
      ['BAD_MULTIPART', 'the multipart type is not supported'],
      ['BAD_EXPERIMENTER', 'the experimenter is not supported'],
      ['BAD_EXP_TYPE', "the experimenter's type is not supported"],
      ['EPERM', 'not allowed'],
      ['BAD_LEN', 'the length does not fit the type'],
      ['BUFFER_EMPTY', 'the buffered packet has been used already'],
      ['BUFFER_UNKNOWN', 'there is no such buffer'],
      ['BAD_TABLE_ID', 'there is no such table'],
      ['IS_SECONDARY', 'a secondary controller may not do this'],
      ['BAD_PORT', 'there is no such port'],
      ['BAD_PACKET', 'the packet of a packet-out is not valid'],
      ['MULTIPART_BUFFER_OVERFLOW', 'the multipart request is larger than the buffer for it'],
      ['MULTIPART_REQUEST_TIMEOUT', 'the rest of a multipart request did not come in time'],
      ['MULTIPART_REPLY_TIMEOUT', 'the rest of a multipart reply did not come in time'],
      ['MULTIPART_BAD_SCHED', 'the update cannot be scheduled in a multipart request'],
      ['PIPELINE_FIELDS_ONLY', 'a packet-out may match pipeline fields only'],
      ['UNKNOWN', 'not specified'],
    ],
  },
  {
    name: 'BAD_ACTION',
    codes: [
      ['BAD_TYPE', 'the action is not known'],
      ['BAD_LEN', 'the length does not fit the action'],
      ['BAD_EXPERIMENTER', 'the experimenter is not known'],
      ['BAD_EXP_TYPE', "the experimenter's action is not known"],
      ['BAD_OUT_PORT', 'there is no such output port'],
      ['BAD_ARGUMENT', 'the argument is not valid'],
      ['EPERM', 'not allowed'],
      ['TOO_MANY', 'there are more actions than the switch can do'],
      ['BAD_QUEUE', 'there is no such queue'],
      ['BAD_OUT_GROUP', 'there is no such group'],
      ['MATCH_INCONSISTENT', 'the match does not allow the action, or a prerequisite is not matched'],
      ['UNSUPPORTED_ORDER', 'the switch cannot do the actions in this order'],
      ['BAD_TAG', 'the tag or encapsulation is not supported'],
      ['BAD_SET_TYPE', 'the field to be set is not known'],
      ['BAD_SET_LEN', 'the field to be set has another length'],
      ['BAD_SET_ARGUMENT', 'the field cannot be set to this value'],
      ['BAD_SET_MASK', 'the field cannot be set with a mask'],
      ['BAD_METER', 'there is no such meter'],
    ],
  },
  {
    name: 'BAD_INSTRUCTION',
    codes: [
      ['UNKNOWN_INST', 'the instruction is not known'],
      ['UNSUP_INST', 'the table does not support the instruction'],
      ['BAD_TABLE_ID', 'there is no such table, or it is not a later one'],
      ['UNSUP_METADATA', 'the metadata value is not supported'],
      ['UNSUP_METADATA_MASK', 'the metadata mask is not supported'],
      ['BAD_EXPERIMENTER', 'the experimenter is not known'],
      ['BAD_EXP_TYPE', "the experimenter's instruction is not known"],
      ['BAD_LEN', 'the length does not fit the instruction'],
      ['EPERM', 'not allowed'],
      ['DUP_INST', 'an instruction is there twice'],
    ],
  },
  {
    name: 'BAD_MATCH',
    codes: [
      ['BAD_TYPE', 'the match type is not supported'],
      ['BAD_LEN', 'the length of the match is wrong'],
      ['BAD_TAG', 'the tag or encapsulation is not supported'],
      ['BAD_DL_ADDR_MASK', 'the mask of an Ethernet address is not supported'],
      ['BAD_NW_ADDR_MASK', 'the mask of a network address is not supported'],
      ['BAD_WILDCARDS', 'the combination of fields left out or masked is not supported'],
      ['BAD_FIELD', 'the field is not supported'],
      ['BAD_VALUE', 'the value is not supported'],
      ['BAD_MASK', 'the mask is not supported'],
      ['BAD_PREREQ', 'a prerequisite is not matched'],
      ['DUP_FIELD', 'a field is there twice'],
      ['EPERM', 'not allowed'],
    ],
  },
  {
    name: 'FLOW_MOD_FAILED',
    codes: [
      ['UNKNOWN', 'not specified'],
      ['TABLE_FULL', 'the table is full'],
      ['BAD_TABLE_ID', 'there is no such table'],
      ['OVERLAP', 'another flow of the same priority overlaps, and the check for it was asked for'],
      ['EPERM', 'not allowed'],
      ['BAD_TIMEOUT', 'the timeout is not supported'],
      ['BAD_COMMAND', 'the command is not known'],
      ['BAD_FLAGS', 'the flags are not known'],
      ['CANT_SYNC', 'the synchronisation of tables cannot be kept'],
      ['BAD_PRIORITY', 'the priority is not supported'],
      ['IS_SYNC', 'a synchronised flow is read-only'],
    ],
  },
  {
    name: 'GROUP_MOD_FAILED',
    codes: [
      ['GROUP_EXISTS', 'the group exists already'],
      ['INVALID_GROUP', 'the group is not valid'],
      ['WEIGHT_UNSUPPORTED', 'unequal weights are not supported'],
      ['OUT_OF_GROUPS', 'the group table is full'],
      ['OUT_OF_BUCKETS', 'there are more buckets than the switch can hold'],
      ['CHAINING_UNSUPPORTED', 'groups cannot forward to groups'],
      ['WATCH_UNSUPPORTED', 'what is to be watched cannot be'],
      ['LOOP', 'the group would be part of a loop'],
      ['UNKNOWN_GROUP', 'there is no such group'],
      ['CHAINED_GROUP', 'another group forwards to it'],
      ['BAD_TYPE', 'the group type is not supported'],
      ['BAD_COMMAND', 'the command is not known'],
      ['BAD_BUCKET', 'a bucket is not valid'],
      ['BAD_WATCH', 'a watched port or group is not valid'],
      ['EPERM', 'not allowed'],
      ['UNKNOWN_BUCKET', 'there is no such bucket'],
      ['BUCKET_EXISTS', 'a bucket of this id exists already'],
    ],
  },
  {
    name: 'PORT_MOD_FAILED',
    codes: [
      ['BAD_PORT', 'there is no such port'],
      ['BAD_HW_ADDR', 'the address is not that of the port'],
      ['BAD_CONFIG', 'the configuration is not supported'],
      ['BAD_ADVERTISE', 'the features to advertise are not supported'],
      ['EPERM', 'not allowed'],
    ],
  },
  {
    name: 'TABLE_MOD_FAILED',
    codes: [
      ['BAD_TABLE', 'there is no such table'],
      ['BAD_CONFIG', 'the configuration is not supported'],
      ['EPERM', 'not allowed'],
    ],
  },
  {
    name: 'QUEUE_OP_FAILED',
    codes: [
      ['BAD_PORT', 'there is no such port'],
      ['BAD_QUEUE', 'there is no such queue'],
      ['EPERM', 'not allowed'],
    ],
  },
  {
    name: 'SWITCH_CONFIG_FAILED',
    codes: [
      ['BAD_FLAGS', 'the flags are not known'],
      ['BAD_LEN', 'the length of packets to send is not supported'],
      ['EPERM', 'not allowed'],
    ],
  },
  {
    name: 'ROLE_REQUEST_FAILED',
    codes: [
      ['STALE', 'the generation id is older than one seen before'],
      ['UNSUP', 'roles cannot be changed'],
      ['BAD_ROLE', 'the role is not known'],
      ['ID_UNSUP', "the controller's short id is not supported"],
      ['ID_IN_USE', "the controller's short id belongs to another one"],
    ],
  },
  {
    name: 'METER_MOD_FAILED',
    codes: [
      ['UNKNOWN', 'not specified'],
      ['METER_EXISTS', 'the meter exists already'],
      ['INVALID_METER', 'the meter is not valid'],
      ['UNKNOWN_METER', 'there is no such meter'],
      ['BAD_COMMAND', 'the command is not known'],
      ['BAD_FLAGS', 'the flags are not supported'],
      ['BAD_RATE', 'the rate is not supported'],
      ['BAD_BURST', 'the burst size is not supported'],
      ['BAD_BAND', 'the band is not supported'],
      ['BAD_BAND_VALUE', 'a value of a band is not supported'],
      ['OUT_OF_METERS', 'there is no room for another meter'],
      ['OUT_OF_BANDS', 'there are more bands than the switch can hold'],
    ],
  },
  {
    name: 'TABLE_FEATURES_FAILED',
    codes: [
      ['BAD_TABLE', 'there is no such table'],
      ['BAD_METADATA', 'the metadata mask is not valid'],
      ['BAD_TYPE', 'the property is not known (1.3)'],
      ['BAD_LEN', 'the length of a property is wrong (1.3)'],
      ['BAD_ARGUMENT', 'the value of a property is not supported (1.3)'],
      ['EPERM', 'not allowed'],
      ['BAD_CAPABILITIES', 'the capabilities are not valid'],
      ['BAD_MAX_ENT', 'the number of entries is not supported'],
      ['BAD_FEATURES', 'the features are not valid'],
      ['BAD_COMMAND', 'the command is not known'],
      ['TOO_MANY', 'there are more table features than the switch can hold'],
    ],
  },
  {
    name: 'BAD_PROPERTY',
    codes: [
      ['BAD_TYPE', 'the property is not known'],
      ['BAD_LEN', 'the length does not fit the property'],
      ['BAD_VALUE', 'the value is not supported'],
      ['TOO_MANY', 'there are more properties than the switch can hold'],
      ['DUP_TYPE', 'a property is there twice'],
      ['BAD_EXPERIMENTER', 'the experimenter is not known'],
      ['BAD_EXP_TYPE', "the experimenter's property is not known"],
      ['BAD_EXP_VALUE', "the experimenter's value is not known"],
      ['EPERM', 'not allowed'],
    ],
  },
  {
    name: 'ASYNC_CONFIG_FAILED',
    codes: [
      ['INVALID', 'a mask is not valid'],
      ['UNSUPPORTED', 'the configuration is not supported'],
      ['EPERM', 'not allowed'],
    ],
  },
  {
    name: 'FLOW_MONITOR_FAILED',
    codes: [
      ['UNKNOWN', 'not specified'],
      ['MONITOR_EXISTS', 'the monitor exists already'],
      ['INVALID_MONITOR', 'the monitor is not valid'],
      ['UNKNOWN_MONITOR', 'there is no such monitor'],
      ['BAD_COMMAND', 'the command is not known'],
      ['BAD_FLAGS', 'the flags are not supported'],
      ['BAD_TABLE_ID', 'there is no such table'],
      ['BAD_OUT', 'the output port or group is not valid'],
    ],
  },
  {
    name: 'BUNDLE_FAILED',
    codes: [
      ['UNKNOWN', 'not specified'],
      ['EPERM', 'not allowed'],
      ['BAD_ID', 'there is no such bundle'],
      ['BUNDLE_EXIST', 'the bundle exists already'],
      ['BUNDLE_CLOSED', 'the bundle is closed'],
      ['OUT_OF_BUNDLES', 'there is no room for another bundle'],
      ['BAD_TYPE', 'the control type is not known'],
      ['BAD_FLAGS', 'the flags are not supported, or not those of the bundle'],
      ['MSG_BAD_LEN', 'the length of the message inside is wrong'],
      ['MSG_BAD_XID', 'the xid of the message inside is not that of the message outside'],
      ['MSG_UNSUP', 'the message inside is not supported in a bundle'],
      ['MSG_CONFLICT', 'the messages of the bundle do not go together'],
      ['MSG_TOO_MANY', 'there are more messages than the switch can hold'],
      ['MSG_FAILED', 'a message of the bundle could not be applied'],
      ['TIMEOUT', 'the bundle took too long'],
      ['BUNDLE_IN_PROGRESS', 'another bundle has locked what is needed'],
      ['SCHED_NOT_SUPPORTED', 'bundles cannot be scheduled'],
      ['SCHED_FUTURE', 'the time is too far ahead'],
      ['SCHED_PAST', 'the time is too long ago'],
    ],
  },
] as const satisfies readonly ErrorType[];

/** Open vSwitch's own errors, by code: type 0xffff, experimenter 0x00002320. */
export const niciraErrors: Readonly<Record<number, readonly [name: string, meaning: string]>> = {
  2: ['NXM_INVALID', 'the NXM match is not valid'],
  3: ['NXM_BAD_TYPE', 'the NXM field is not known, or has another length'],
  4: ['MUST_BE_ZERO', 'a field that must be 0 is not'],
  5: ['BAD_REASON', 'the reason of a port-status is not valid'],
  6: ['FM_DUPLICATE_ID', 'the flow monitor exists already (1.3)'],
  7: ['FM_BAD_FLAGS', 'the flags of a flow monitor are not supported (1.3)'],
  8: ['FM_BAD_ID', 'there is no such flow monitor (1.3)'],
  9: ['FM_BAD_EVENT', 'the event of a flow monitor is not valid'],
  10: ['UNENCODABLE_ERROR', 'the error has no number in this version'],
  11: ['ACTION_MUST_BE_ZERO', 'an argument that must be 0 is not'],
  12: ['HARDWARE', 'the hardware failed'],
  13: ['FLOW_BAD_TABLE_ID', 'there is no such table'],
  15: ['BAD_CONJUNCTION', 'a conjunction must stand alone, have 2 to 64 clauses, and be one of them'],
  16: ['TLV_BAD_COMMAND', 'the command of a TLV table change is not known'],
  17: ['TLV_BAD_OPT_LEN', 'the length of a tunnel option is not valid'],
  18: ['TLV_BAD_FIELD_IDX', 'the index of a tunnel metadata field is out of range'],
  19: ['TLV_TABLE_FULL', 'there is no room for another tunnel option'],
  20: ['TLV_ALREADY_MAPPED', 'the tunnel metadata field has an option already'],
  21: ['TLV_DUP_ENTRY', 'the tunnel option has a field already'],
  22: ['BUNDLE_BAD_VERSION', 'the versions of the messages outside and inside differ'],
  23: ['QUEUE_ERROR', 'the queue could not be read'],
  34: ['RESUME_NOT_SUPPORTED', 'packets cannot be resumed'],
  35: ['RESUME_STALE', 'the continuation is older than the switch'],
  36: ['STATS_NOT_CONFIGURED', 'what is asked about is not configured'],
  37: ['INVALID_TLV_FIELD', 'the tunnel metadata field has no option'],
  38: ['INVALID_TLV_DEL', 'a flow uses the tunnel option that is to be deleted'],
  39: ['BAD_HEADER_TYPE', 'the packet type cannot be encapsulated or decapsulated'],
  40: ['UNKNOWN_ED_PROP', 'the property of an encapsulation is not known'],
  41: ['BAD_ED_PROP', 'the property of an encapsulation is not valid'],
  42: ['ACTION_CT_SUPPORT', 'the datapath cannot do what the action asks of connection tracking'],
  43: ['MATCH_CT_SUPPORT', 'the datapath cannot do what the match asks of connection tracking'],
};

/**
 * What came after 1.3 and its extensions use there: type 0xffff, experimenter 0x4f4e4600. Each is the error
 * of 1.5 of the same name. Those of bundles are 2300 and the code.
 */
export const onfErrors: Readonly<Record<number, readonly [type: string, code: string]>> = {
  2600: ['BAD_INSTRUCTION', 'DUP_INST'],
  4250: ['BAD_ACTION', 'BAD_SET_MASK'],
  4443: ['BAD_PROPERTY', 'TOO_MANY'],
  4444: ['BAD_PROPERTY', 'DUP_TYPE'],
  4445: ['BAD_PROPERTY', 'BAD_EXPERIMENTER'],
  4446: ['BAD_PROPERTY', 'BAD_EXP_TYPE'],
  4447: ['BAD_PROPERTY', 'BAD_EXP_VALUE'],
  4448: ['BAD_PROPERTY', 'EPERM'],
};

const firstBundleError = 2300;
const bundleFailed = 17;

export interface ErrorName {
  /** Such as `BAD_MATCH`. */
  readonly type: string;
  /** Such as `BAD_PREREQ`. */
  readonly code: string;
  /** What it says, in words. */
  readonly meaning: string;
}

function standard(type: string, code: string): ErrorName | undefined {
  const codes: Codes = errorTypes.find((entry) => entry.name === type)?.codes ?? [];
  const found = codes.find(([name]) => name === code);
  return found && { type, code, meaning: found[1] };
}

function byNumber(type: number, code: number): ErrorName | undefined {
  const entry: ErrorType | undefined = errorTypes[type];
  const found = entry?.codes[code];
  return entry && found && { type: entry.name, code: found[0], meaning: found[1] };
}

/** The names of an error message's numbers, or undefined where no table has them. */
export function errorName(error: {
  readonly errorType: number;
  readonly code: number;
  readonly experimenter?: number;
}): ErrorName | undefined {
  if (error.experimenter === undefined) return byNumber(error.errorType, error.code);
  if (error.experimenter === experimenters.nicira) {
    const found = niciraErrors[error.code];
    return found && { type: 'NICIRA', code: found[0], meaning: found[1] };
  }
  if (error.experimenter !== experimenters.onf) return undefined;
  const same = onfErrors[error.code];
  return same ? standard(...same) : byNumber(bundleFailed, error.code - firstBundleError);
}
