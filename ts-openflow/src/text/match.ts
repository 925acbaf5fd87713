import { bytesToHex } from '../bytes/hex.ts';
import {
  byRegistry,
  fieldSpec,
  type KnownMatchField,
  type Match,
  type MatchField,
  matchField,
} from '../match.ts';
import { type FieldName, fields } from '../registry/fields.ts';
import { vlanPresent } from '../registry/numbers.ts';
import { TextError } from './error.ts';
import { type Masked, parseInteger, parseValue, printValue } from './values.ts';

const wholeVid = 0x1fffn;

interface Protocol {
  readonly ethType: number;
  readonly ipProto?: number;
}

/** Words that stand for an Ethernet type and an IP protocol. */
const protocols: Readonly<Record<string, Protocol>> = {
  ip: { ethType: 0x0800 },
  icmp: { ethType: 0x0800, ipProto: 1 },
  tcp: { ethType: 0x0800, ipProto: 6 },
  udp: { ethType: 0x0800, ipProto: 17 },
  sctp: { ethType: 0x0800, ipProto: 132 },
  ipv6: { ethType: 0x86dd },
  icmp6: { ethType: 0x86dd, ipProto: 58 },
  tcp6: { ethType: 0x86dd, ipProto: 6 },
  udp6: { ethType: 0x86dd, ipProto: 17 },
  sctp6: { ethType: 0x86dd, ipProto: 132 },
  arp: { ethType: 0x0806 },
  rarp: { ethType: 0x8035 },
  mpls: { ethType: 0x8847 },
  mplsm: { ethType: 0x8848 },
};
const synonyms: Readonly<Record<string, string>> = { ip6: 'ipv6', eth: '' };

/** ovs-ofctl prints fields in this order; `protocol` is the place of those words, others come last. */
const order = `pkt_mark recirc_id dp_hash conj_id actset_output ct_state ct_zone ct_mark ct_label ct_nw_src
  ct_ipv6_src ct_nw_dst ct_ipv6_dst ct_nw_proto ct_tp_src ct_tp_dst packet_type protocol reg0 reg1 reg2 reg3 reg4
  reg5 reg6 reg7 reg8 reg9 reg10 reg11 reg12 reg13 reg14 reg15 xreg0 xreg1 xreg2 xreg3 xreg4 xreg5 xreg6 xreg7
  xxreg0 xxreg1 xxreg2 xxreg3 tun_id tun_src tun_dst tun_ipv6_src tun_ipv6_dst tun_gbp_id tun_gbp_flags
  tun_erspan_ver tun_erspan_idx tun_erspan_dir tun_erspan_hwid tun_gtpu_flags tun_gtpu_msgtype tun_flags
  ${Array.from({ length: 64 }, (_, n) => `tun_metadata${n}`).join(' ')} metadata
  in_port in_phy_port vlan_vid vlan_pcp vlan_tci eth_src eth_dst eth_type nw_proto ipv6_src ipv6_dst ipv6_label
  ipv6_exthdr arp_spa arp_tpa nsh_flags nsh_ttl nsh_mdtype nsh_np nsh_spi nsh_si nsh_c1 nsh_c2 nsh_c3 nsh_c4 ip_src
  ip_dst arp_op arp_sha arp_tha ip_dscp nw_tos nw_ecn nw_ttl mpls_label mpls_tc mpls_ttl mpls_bos ip_frag icmp_type
  icmp_code icmpv6_type icmpv6_code nd_target nd_sll nd_tll tcp_src udp_src sctp_src tcp_dst udp_dst sctp_dst
  tcp_flags`.split(/\s+/);

/** Fields that a match calls something else than actions do. */
const printedNames: Partial<Record<FieldName, string>> = {
  eth_src: 'dl_src',
  eth_dst: 'dl_dst',
  vlan_pcp: 'dl_vlan_pcp',
  ip_src: 'nw_src',
  ip_dst: 'nw_dst',
  ip_frag: 'nw_frag',
  tcp_src: 'tp_src',
  tcp_dst: 'tp_dst',
  udp_src: 'tp_src',
  udp_dst: 'tp_dst',
  sctp_src: 'tp_src',
  sctp_dst: 'tp_dst',
  icmpv6_type: 'icmp_type',
  icmpv6_code: 'icmp_code',
  nxm_in_port: 'in_port',
  tun_gtpu_flags: 'gtpu_flags',
  tun_gtpu_msgtype: 'gtpu_msgtype',
};

const masked = (entry: KnownMatchField): Masked => ({
  value: BigInt(entry.value),
  ...(entry.mask === undefined ? {} : { mask: BigInt(entry.mask) }),
});

function word4(value: bigint): string {
  return `0x${value.toString(16).padStart(4, '0')}`;
}

/** The tag's id: dl_vlan where it is whole and a tag is there, else the tag control field it is part of. */
function printVid({ value, mask = wholeVid }: Masked): string {
  if (mask === wholeVid && value >= BigInt(vlanPresent)) return `dl_vlan=${value & 0xfffn}`;
  return `vlan_tci=${word4(value)}/${word4(mask)}`;
}

function printField(entry: MatchField): string {
  if (entry.field === 'unknown') {
    return `oxm(${entry.class},${entry.number},${entry.hasMask ? 1 : 0},${bytesToHex(entry.data)})`;
  }
  if (fieldSpec(entry.field).variable && entry.mask === 0n) return entry.field;
  if (entry.field === 'vlan_vid') return printVid(masked(entry));
  if (entry.field === 'eth_type') return `dl_type=${word4(BigInt(entry.value))}`;
  if (entry.field === 'ip_dscp') return `nw_tos=${entry.value << 2}`;
  const name = printedNames[entry.field] ?? entry.field;
  if (fieldSpec(entry.field).format === 'decimal' && entry.mask !== undefined)
    return `${name}=0x${entry.value.toString(16)}/0x${entry.mask.toString(16)}`;
  return `${name}=${printValue(entry.field, masked(entry))}`;
}

function exactValue(match: Match, field: FieldName): number | undefined {
  const found = match.find((entry) => entry.field === field);
  return found && found.field !== 'unknown' && found.mask === undefined ? Number(found.value) : undefined;
}

const rankOf = new Map(order.map((name, index) => [name, index]));
const rank = (name: string) => rankOf.get(name) ?? order.length;

const wordKey = (ethType: number | undefined, ipProto: number | undefined) => `${ethType}/${ipProto ?? ''}`;
const wordOf = new Map(Object.entries(protocols).map(([word, p]) => [wordKey(p.ethType, p.ipProto), word]));

/** A match as ovs-ofctl writes it, such as `tcp,in_port=1,nw_src=10.0.0.0/8,tp_dst=80`; empty for any packet. */
export function printMatch(match: Match): string {
  const ethType = exactValue(match, 'eth_type');
  const ipProto = exactValue(match, 'nw_proto');
  const exact = ipProto === undefined ? undefined : wordOf.get(wordKey(ethType, ipProto));
  const word = exact ?? wordOf.get(wordKey(ethType, undefined));
  const parts: { rank: number; text: string }[] = word ? [{ rank: rank('protocol'), text: word }] : [];
  const hasPcp = match.some(({ field }) => field === 'vlan_pcp');
  for (const entry of match) {
    // A priority says by itself that there is a tag.
    if (hasPcp && entry.field === 'vlan_vid' && entry.value === vlanPresent && entry.mask === vlanPresent)
      continue;
    if ((word && entry.field === 'eth_type') || (exact && entry.field === 'nw_proto')) continue;
    parts.push({ rank: rank(entry.field), text: printField(entry) });
  }
  return parts
    .sort((a, b) => a.rank - b.rank)
    .map(({ text }) => text)
    .join(',');
}

const fieldNames = Object.keys(fields) as FieldName[];
const byName = new Map<string, FieldName>();
for (const name of fieldNames) byName.set(name, name);
for (const name of fieldNames) {
  const { alias } = fields[name] as { alias?: string };
  if (alias) byName.set(alias, name);
}
byName
  .set('in_port_oxm', 'in_port')
  .set('gtpu_flags', 'tun_gtpu_flags')
  .set('gtpu_msgtype', 'tun_gtpu_msgtype');

/** The field that a name of ovs-ofctl means, where that does not depend on the rest of the match. */
export function fieldByName(name: string): FieldName | undefined {
  return byName.get(name);
}

const perProtocol: Readonly<Record<number, string>> = { 6: 'tcp', 17: 'udp', 132: 'sctp' };

/** tp_src and icmp_type are one of several fields, which the protocol tells. */
function resolve(key: string, protocol: Protocol): FieldName {
  if (key === 'tp_src' || key === 'tp_dst') {
    const prefix = perProtocol[protocol.ipProto ?? -1];
    if (!prefix) throw new TextError(`${key} needs tcp, udp or sctp`);
    return `${prefix}_${key.slice(3)}` as FieldName;
  }
  if ((key === 'icmp_type' || key === 'icmp_code') && protocol.ethType === 0x86dd)
    return key === 'icmp_type' ? 'icmpv6_type' : 'icmpv6_code';
  const name = fieldByName(key);
  if (!name) throw new TextError(`no field called ${key}`);
  return name;
}

/** The tag control field as the fields of OpenFlow: the VID with its present bit, and the PCP. */
function splitTci({ value, mask = 0xffffn }: Masked): KnownMatchField[] {
  const pcpMask = mask >> 13n;
  const present = (value & 0x1000n) !== 0n;
  if (pcpMask !== 0n && pcpMask !== 7n) throw new TextError('a masked PCP cannot be matched');
  const vidMask = mask & wholeVid;
  const found: KnownMatchField[] = [];
  if (vidMask !== 0n)
    found.push(matchField('vlan_vid', value & wholeVid, vidMask === wholeVid ? undefined : vidMask));
  // Without a tag there is no PCP to match.
  if (pcpMask === 7n && present) found.push(matchField('vlan_pcp', value >> 13n));
  return found;
}

function parseField(key: string, text: string, protocol: Protocol): KnownMatchField[] {
  if (key === 'dl_vlan') {
    const vid = parseInteger(text);
    return [matchField('vlan_vid', vid === 0xffffn ? 0n : vid | BigInt(vlanPresent))];
  }
  if (key === 'dl_vlan_pcp' || key === 'vlan_pcp') return [matchField('vlan_pcp', parseInteger(text))];
  if (key === 'vlan_tci') return splitTci(parseValue('vlan_tci', text));
  if (key === 'nw_tos') return [matchField('ip_dscp', parseInteger(text) >> 2n)];
  const name = resolve(key, protocol);
  const { value, mask } = parseValue(name, text);
  return [matchField(name, value, mask)];
}

/** The words and `key=value` pairs of a match; throws a TextError. */
export function parseMatch(parts: readonly string[]): Match {
  const pairs = parts.map((part) => {
    const at = part.indexOf('=');
    return at < 0 ? ([part, undefined] as const) : ([part.slice(0, at), part.slice(at + 1)] as const);
  });
  const protocol = protocolOf(pairs);
  const found: KnownMatchField[] = [];
  for (const [key, text] of pairs) {
    const word = synonyms[key] ?? key;
    if (text !== undefined) found.push(...parseField(key, text, protocol));
    else if (protocols[word]) {
      found.push(matchField('eth_type', protocol.ethType));
      if (protocols[word].ipProto !== undefined) found.push(matchField('nw_proto', protocols[word].ipProto));
    } else if (/^tun_metadata\d+$/.test(key)) found.push(matchField(resolve(key, protocol), 0, 0));
    else if (word !== '') throw new TextError(`neither a field nor a protocol: ${key}`);
  }
  const has = (name: FieldName) => found.some(({ field }) => field === name);
  if (has('vlan_pcp') && !has('vlan_vid')) found.push(matchField('vlan_vid', vlanPresent, vlanPresent));
  return found.sort(byRegistry);
}

function protocolOf(pairs: readonly (readonly [string, string | undefined])[]): Protocol {
  let found: Protocol = { ethType: -1 };
  for (const [key, text] of pairs) {
    const word = protocols[synonyms[key] ?? key];
    if (text === undefined && word) found = { ...found, ...word };
    if (text !== undefined && (key === 'dl_type' || key === 'eth_type'))
      found = { ...found, ethType: Number(text) };
    if (text !== undefined && (key === 'nw_proto' || key === 'ip_proto'))
      found = { ...found, ipProto: Number(text) };
  }
  return found;
}
