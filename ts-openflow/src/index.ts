/** OpenFlow 1.3 and 1.5 as values and bytes. */

export type { Action, KnownAction } from './actions/index.ts';
export { actionTable } from './actions/index.ts';
export type { Clone, Ct, Nat } from './actions/nicira.ts';
export { offsetBits } from './actions/nicira.ts';
export { errorAnswer } from './answer.ts';
export { DecodeError, EncodeError, type OfErrorCode, type Rule } from './bytes/errors.ts';
export { bytesToHex, hexToBytes } from './bytes/hex.ts';
export type { ExperimenterTlv, UnknownTlv } from './bytes/tlv.ts';
export { canonicalFlow, flowBody, flowKey, sameFlow } from './flow/canonical.ts';
export { canonicalMatch } from './flow/canonical-match.ts';
export type { Flow } from './flow/flow.ts';
export { FrameDecoder, type FrameLimits } from './frame.ts';
export { makeHello, negotiate, offeredVersions, supportedVersions } from './hello.ts';
export { type Instruction, instructionTable } from './instructions.ts';
export { fromJson, messageFromJson, toJson } from './json.ts';
export {
  type FieldRef,
  fieldSpec,
  fullMask,
  type KnownMatchField,
  type Match,
  type MatchField,
  matchField,
  type SmallMatchField,
  type UnknownMatchField,
  type WideMatchField,
} from './match.ts';
export {
  decode,
  type ExperimenterMessage,
  encode,
  type Head,
  type Message,
  type MessageOf,
  type MessageType,
  type RequestForward,
  type UnknownMessage,
  type UnknownMultipart,
} from './message.ts';
export type { BundleAdd } from './messages/bundle.ts';
export type { FlowDesc, FlowRemoved } from './messages/flow.ts';
export type { Bucket, BucketProperty, GroupDesc, GroupMod, GroupProperty } from './messages/group.ts';
export type { HelloBody, HelloElement } from './messages/hello.ts';
export type { FlowUpdate } from './messages/monitor.ts';
export type { Port, PortMod, PortProperty } from './messages/port.ts';
export type { QueueDesc } from './messages/queue.ts';
export type { AsyncConfig, ErrorBody, PacketOut } from './messages/session.ts';
export type { PortStats, QueueStats } from './messages/stats.ts';
export type { TableMod } from './messages/tables.ts';
export { MultipartAssembler, MultipartError, type MultipartLimits } from './multipart.ts';
export {
  type ErrorName,
  type ErrorType,
  errorName,
  errorTypes,
  niciraErrors,
  onfErrors,
} from './registry/errors.ts';
export {
  type FieldName,
  type FieldSpec,
  type Format,
  fields,
  type Prerequisite,
  type SmallField,
  type WideField,
} from './registry/fields.ts';
export * from './registry/numbers.ts';
export {
  type CountStat,
  type FlowCountStat,
  type Stat,
  type Stats,
  stat,
  statTable,
  type TimeStat,
} from './stats.ts';
export {
  bigintToIpv6,
  bigintToMac,
  ipv4ToNumber,
  ipv6ToBigint,
  macToBigint,
  numberToIpv4,
} from './text/addresses.ts';
export { TextError } from './text/error.ts';
export { parseFlow, printFlow } from './text/flow.ts';
export { parseGroup, printGroup } from './text/group.ts';
export { parseMatch, printMatch } from './text/match.ts';
export { printMessage } from './text/message.ts';
export { parseActions, parseInstructions } from './text/parse-actions.ts';
export { printAction, printActions, printInstructions } from './text/print-actions.ts';
