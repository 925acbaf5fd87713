/**
 * The frames that links are found with: LLDP (IEEE 802.1AB) with one TLV of our own, which proves that this
 * run of the controller sent the frame. Everybody on a network may write LLDP, so what it says is not believed
 * without the proof.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { macToBigint } from 'ts-openflow';
import { LLDP_GROUP, LLDP_TYPE } from '../../model/desired.ts';
import type { Dpid, Mac } from '../../model/ids.ts';

export type Probe = {
  readonly dpid: Dpid;
  /** Name of the port that it leaves by. */
  readonly port: string;
  /** 0 to 2^64 - 1, each but once in a run of the controller. */
  readonly serial: bigint;
};

/** `foreign`: LLDP of somebody else's. `forged`: it bears our mark and not our proof. */
export type ReadProbe =
  | { readonly kind: 'probe'; readonly probe: Probe }
  | { readonly kind: 'foreign' }
  | { readonly kind: 'forged' };

const TLV = { end: 0, chassis: 1, port: 2, ttl: 3, organisation: 127 } as const;
const CHASSIS_LOCAL = 7;
const PORT_INTERFACE_NAME = 5;
/** Locally administered, so that it is nobody's OUI, and the one subtype that we have. */
const OUR_MARK = Buffer.from([0x02, 0xc5, 0xc5, 0x01]);
const PROOF_BYTES = 16;
const HEADER_BYTES = 14;

const tlv = (type: number, value: Buffer): Buffer => {
  const head = Buffer.alloc(2);
  head.writeUInt16BE((type << 9) | value.length);
  return Buffer.concat([head, value]);
};

const macBytes = (mac: Mac): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(macToBigint(mac));
  return bytes.subarray(2);
};

const serialBytes = (serial: bigint): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(serial);
  return bytes;
};

/** HMAC-SHA-256, cut to 128 bits as RFC 2104, section 5 allows; a zero byte parts the two texts. */
const proofOf = (key: Uint8Array, { dpid, port, serial }: Probe): Buffer =>
  createHmac('sha256', key)
    .update(`${dpid}\0${port}\0`)
    .update(serialBytes(serial))
    .digest()
    .subarray(0, PROOF_BYTES);

/** @param ttl seconds, 0 to 65535, for others who read LLDP */
export function writeProbe(key: Uint8Array, probe: Probe, source: Mac, ttl: number): Buffer {
  const lifetime = Buffer.alloc(2);
  lifetime.writeUInt16BE(ttl);
  return Buffer.concat([
    macBytes(LLDP_GROUP),
    macBytes(source),
    Buffer.from([LLDP_TYPE >> 8, LLDP_TYPE & 0xff]),
    tlv(TLV.chassis, Buffer.concat([Buffer.from([CHASSIS_LOCAL]), Buffer.from(probe.dpid)])),
    tlv(TLV.port, Buffer.concat([Buffer.from([PORT_INTERFACE_NAME]), Buffer.from(probe.port)])),
    tlv(TLV.ttl, lifetime),
    tlv(TLV.organisation, Buffer.concat([OUR_MARK, serialBytes(probe.serial), proofOf(key, probe)])),
    tlv(TLV.end, Buffer.alloc(0)),
  ]);
}

/** Reads a frame from anybody; work and memory are bounded by its length. */
export function readProbe(key: Uint8Array, frame: Uint8Array): ReadProbe {
  const bytes = Buffer.from(frame.buffer, frame.byteOffset, frame.byteLength);
  if (bytes.length < HEADER_BYTES || bytes.readUInt16BE(12) !== LLDP_TYPE) return { kind: 'foreign' };
  let chassis: Buffer | undefined;
  let port: Buffer | undefined;
  let ours: Buffer | undefined;
  for (let at = HEADER_BYTES; at + 2 <= bytes.length; ) {
    const head = bytes.readUInt16BE(at);
    const [type, length] = [head >> 9, head & 0x1ff];
    const value = bytes.subarray(at + 2, at + 2 + length);
    if (type === TLV.end || value.length < length) break;
    if (type === TLV.chassis) chassis = value;
    else if (type === TLV.port) port = value;
    else if (type === TLV.organisation && value.subarray(0, OUR_MARK.length).equals(OUR_MARK)) ours = value;
    at += 2 + length;
  }
  if (ours === undefined) return { kind: 'foreign' };
  if (chassis === undefined || port === undefined) return { kind: 'forged' };
  if (ours.length !== OUR_MARK.length + 8 + PROOF_BYTES) return { kind: 'forged' };
  const probe: Probe = {
    dpid: chassis.subarray(1).toString('latin1') as Dpid,
    port: port.subarray(1).toString(),
    serial: ours.readBigUInt64BE(OUR_MARK.length),
  };
  const isProven = timingSafeEqual(ours.subarray(OUR_MARK.length + 8), proofOf(key, probe));
  return isProven ? { kind: 'probe', probe } : { kind: 'forged' };
}
