/**
 * Every match field, once: what it is called, where it is on the wire, how wide it is, what it needs and
 * how it reads. OpenFlow 1.5.1, section 7.2.3, and the extensions of Open vSwitch (ovs-fields(7)).
 */

/** How a value is written as text; `port` is a number or the name of a reserved port, `flowLabel` 5 hex digits. */
export type Format =
  | 'decimal'
  | 'hex'
  | 'mac'
  | 'ipv4'
  | 'ipv6'
  | 'port'
  | 'frag'
  | 'tcpFlags'
  | 'ctState'
  | 'tunFlags'
  | 'packetType'
  | 'flowLabel';

/** What must be matched too before a field may be. */
export type Prerequisite =
  | 'vlan'
  | 'mpls'
  | 'pbb'
  | 'ip4'
  | 'ip6'
  | 'ip'
  | 'arp'
  | 'tcp'
  | 'udp'
  | 'sctp'
  | 'icmp4'
  | 'icmp6'
  | 'nd'
  | 'ndSolicit'
  | 'ndAdvert'
  | 'nsh'
  | 'ct';

export interface FieldSpec<V extends 'number' | 'bigint' = 'number' | 'bigint'> {
  /** A number up to 32 bits, a bigint above. */
  readonly kind: V;
  /** Bits that may be nonzero. On the wire it takes whole bytes. */
  readonly bits: number;
  readonly bytes: number;
  /** It may take fewer bytes on the wire, down to none: a tunnel option is as long as it is mapped to be. */
  readonly variable?: true;
  readonly format: Format;
  /**
   * The headers it is known by, as `class:number`, the preferred one first. OpenFlow 1.3 takes `onf`, ONF's
   * extension, over `oxm` where both are there.
   */
  readonly headers: string;
  readonly maskable: boolean;
  readonly needs?: Prerequisite;
  /** Another name that ovs-ofctl takes for it. */
  readonly alias?: string;
  readonly readOnly?: true;
}

/** The classes of OXM headers; those of an experimenter carry its id after the header. */
export const oxmClasses: Readonly<Record<string, { class: number; experimenter?: number }>> = {
  nxm0: { class: 0x0000 },
  nxm1: { class: 0x0001 },
  oxm: { class: 0x8000 },
  reg: { class: 0x8001 },
  onf: { class: 0xffff, experimenter: 0x4f4e4600 },
  et: { class: 0xffff, experimenter: 0x00002320 },
  nsh: { class: 0xffff, experimenter: 0x005ad650 },
  eric: { class: 0x1000 },
};

type Extra = { readonly needs?: Prerequisite; readonly alias?: string; readonly readOnly?: true };

function spec<V extends 'number' | 'bigint'>(
  kind: V,
  bits: number,
  bytes: number,
  format: Format,
  headers: string,
  maskable: boolean,
  extra: Extra,
): FieldSpec<V> {
  return { kind, bits, bytes, format, headers, maskable, ...extra };
}

/** A field that may be masked, of up to 32 bits. */
function bits(width: number, format: Format, headers: string, extra: Extra = {}): FieldSpec<'number'> {
  return spec('number', width, width <= 8 ? 1 : width <= 16 ? 2 : 4, format, headers, true, extra);
}

/** A field of up to 32 bits that is matched whole or not at all. */
function whole(width: number, format: Format, headers: string, extra: Extra = {}): FieldSpec<'number'> {
  return { ...bits(width, format, headers, extra), maskable: false };
}

/** A field that may be masked, of more than 32 bits. */
function wide(width: number, format: Format, headers: string, extra: Extra = {}): FieldSpec<'bigint'> {
  return spec('bigint', width, width / 8, format, headers, true, extra);
}

const register = (n: number) => bits(32, 'hex', `nxm1:${n}`);
const pair = (n: number) => wide(64, 'hex', `reg:${n}`);
const quad = (n: number) => wide(128, 'hex', `nxm1:${111 + n}`);

/** A whole number below N. */
type Below<N extends number, L extends number[] = []> = L['length'] extends N
  ? L[number]
  : Below<N, [...L, L['length']]>;

/** tun_metadata0 to tun_metadata63: the options of a tunnel header that a TLV table maps them to. */
const tunnelOptions = Object.fromEntries(
  Array.from({ length: 64 }, (_, n) => [
    `tun_metadata${n}`,
    { ...wide(992, 'hex', `nxm1:${40 + n}`), variable: true },
  ]),
) as Readonly<Record<`tun_metadata${Below<64>}`, FieldSpec<'bigint'>>>;

export const fields = {
  in_port: whole(32, 'port', 'oxm:0'),
  in_phy_port: whole(32, 'port', 'oxm:1', { readOnly: true }),
  metadata: wide(64, 'hex', 'oxm:2'),
  eth_dst: wide(48, 'mac', 'oxm:3 nxm0:1', { alias: 'dl_dst' }),
  eth_src: wide(48, 'mac', 'oxm:4 nxm0:2', { alias: 'dl_src' }),
  eth_type: whole(16, 'hex', 'oxm:5 nxm0:3', { alias: 'dl_type', readOnly: true }),
  vlan_vid: bits(13, 'decimal', 'oxm:6'),
  vlan_pcp: whole(3, 'decimal', 'oxm:7', { needs: 'vlan', alias: 'dl_vlan_pcp' }),
  ip_dscp: whole(6, 'decimal', 'oxm:8', { needs: 'ip' }),
  nw_ecn: whole(2, 'decimal', 'oxm:9 nxm1:28', { needs: 'ip', alias: 'ip_ecn' }),
  nw_proto: whole(8, 'decimal', 'oxm:10 nxm0:6', { needs: 'ip', alias: 'ip_proto', readOnly: true }),
  ip_src: bits(32, 'ipv4', 'oxm:11 nxm0:7', { needs: 'ip4', alias: 'nw_src' }),
  ip_dst: bits(32, 'ipv4', 'oxm:12 nxm0:8', { needs: 'ip4', alias: 'nw_dst' }),
  tcp_src: bits(16, 'decimal', 'oxm:13 nxm0:9', { needs: 'tcp' }),
  tcp_dst: bits(16, 'decimal', 'oxm:14 nxm0:10', { needs: 'tcp' }),
  udp_src: bits(16, 'decimal', 'oxm:15 nxm0:11', { needs: 'udp' }),
  udp_dst: bits(16, 'decimal', 'oxm:16 nxm0:12', { needs: 'udp' }),
  sctp_src: bits(16, 'decimal', 'oxm:17', { needs: 'sctp' }),
  sctp_dst: bits(16, 'decimal', 'oxm:18', { needs: 'sctp' }),
  icmp_type: whole(8, 'decimal', 'oxm:19 nxm0:13', { needs: 'icmp4' }),
  icmp_code: whole(8, 'decimal', 'oxm:20 nxm0:14', { needs: 'icmp4' }),
  arp_op: whole(16, 'decimal', 'oxm:21 nxm0:15', { needs: 'arp' }),
  arp_spa: bits(32, 'ipv4', 'oxm:22 nxm0:16', { needs: 'arp' }),
  arp_tpa: bits(32, 'ipv4', 'oxm:23 nxm0:17', { needs: 'arp' }),
  arp_sha: wide(48, 'mac', 'oxm:24 nxm1:17', { needs: 'arp' }),
  arp_tha: wide(48, 'mac', 'oxm:25 nxm1:18', { needs: 'arp' }),
  ipv6_src: wide(128, 'ipv6', 'oxm:26 nxm1:19', { needs: 'ip6' }),
  ipv6_dst: wide(128, 'ipv6', 'oxm:27 nxm1:20', { needs: 'ip6' }),
  ipv6_label: bits(20, 'flowLabel', 'oxm:28 nxm1:27', { needs: 'ip6' }),
  icmpv6_type: whole(8, 'decimal', 'oxm:29 nxm1:21', { needs: 'icmp6' }),
  icmpv6_code: whole(8, 'decimal', 'oxm:30 nxm1:22', { needs: 'icmp6' }),
  nd_target: wide(128, 'ipv6', 'oxm:31 nxm1:23', { needs: 'nd' }),
  nd_sll: wide(48, 'mac', 'oxm:32 nxm1:24', { needs: 'ndSolicit' }),
  nd_tll: wide(48, 'mac', 'oxm:33 nxm1:25', { needs: 'ndAdvert' }),
  mpls_label: whole(20, 'decimal', 'oxm:34', { needs: 'mpls' }),
  mpls_tc: whole(3, 'decimal', 'oxm:35', { needs: 'mpls' }),
  mpls_bos: whole(1, 'decimal', 'oxm:36', { needs: 'mpls', readOnly: true }),
  /** Service instance of provider backbone bridging: 24 bits in 3 bytes. */
  pbb_isid: { ...bits(24, 'hex', 'oxm:37', { needs: 'pbb' }), bytes: 3 },
  tun_id: wide(64, 'hex', 'oxm:38 nxm1:16', { alias: 'tunnel_id' }),
  ipv6_exthdr: bits(9, 'hex', 'oxm:39', { needs: 'ip6' }),
  pbb_uca: whole(1, 'decimal', 'oxm:41', { needs: 'pbb' }),
  tcp_flags: bits(12, 'tcpFlags', 'oxm:42 onf:42 nxm1:34', { needs: 'tcp', readOnly: true }),
  actset_output: whole(32, 'port', 'oxm:43 onf:43', { readOnly: true }),
  packet_type: whole(32, 'packetType', 'oxm:44', { readOnly: true }),

  reg0: register(0),
  reg1: register(1),
  reg2: register(2),
  reg3: register(3),
  reg4: register(4),
  reg5: register(5),
  reg6: register(6),
  reg7: register(7),
  reg8: register(8),
  reg9: register(9),
  reg10: register(10),
  reg11: register(11),
  reg12: register(12),
  reg13: register(13),
  reg14: register(14),
  reg15: register(15),
  /** reg0 and reg1 as one: reg0 holds the more significant half; and so on. */
  xreg0: pair(0),
  xreg1: pair(1),
  xreg2: pair(2),
  xreg3: pair(3),
  xreg4: pair(4),
  xreg5: pair(5),
  xreg6: pair(6),
  xreg7: pair(7),
  /** reg0 to reg3 as one: reg0 holds the most significant quarter; and so on. */
  xxreg0: quad(0),
  xxreg1: quad(1),
  xxreg2: quad(2),
  xxreg3: quad(3),

  conj_id: whole(32, 'decimal', 'nxm1:37', { readOnly: true }),
  pkt_mark: bits(32, 'hex', 'nxm1:33'),
  recirc_id: whole(32, 'hex', 'nxm1:36', { readOnly: true }),
  dp_hash: bits(32, 'hex', 'nxm1:35', { readOnly: true }),
  nw_ttl: whole(8, 'decimal', 'nxm1:29', { needs: 'ip', alias: 'ip_ttl' }),
  mpls_ttl: whole(8, 'decimal', 'nxm1:30', { needs: 'mpls' }),
  ip_frag: bits(2, 'frag', 'nxm1:26', { needs: 'ip', alias: 'nw_frag', readOnly: true }),
  /** DSCP in the upper 6 bits of a byte. OpenFlow itself has ip_dscp. */
  nw_tos: whole(8, 'decimal', 'nxm0:5', { needs: 'ip' }),
  /** The 802.1Q tag control field: PCP, then CFI (1 where a tag is there), then the VID. */
  vlan_tci: bits(16, 'hex', 'nxm0:4'),
  /** in_port with the 16-bit numbers of OpenFlow 1.0, as actions of Open vSwitch may name it. */
  nxm_in_port: whole(16, 'port', 'nxm0:0'),
  tun_src: bits(32, 'ipv4', 'nxm1:31'),
  tun_dst: bits(32, 'ipv4', 'nxm1:32'),
  tun_ipv6_src: wide(128, 'ipv6', 'nxm1:109'),
  tun_ipv6_dst: wide(128, 'ipv6', 'nxm1:110'),
  tun_flags: { ...bits(1, 'tunFlags', 'nxm1:104'), bytes: 2 },
  tun_gbp_id: bits(16, 'decimal', 'nxm1:38'),
  tun_gbp_flags: bits(8, 'hex', 'nxm1:39'),
  tun_erspan_idx: bits(20, 'hex', 'et:11'),
  tun_erspan_ver: bits(4, 'decimal', 'et:12'),
  tun_erspan_dir: bits(1, 'decimal', 'et:13'),
  tun_erspan_hwid: bits(6, 'hex', 'et:14'),
  tun_gtpu_flags: bits(8, 'hex', 'et:15', { readOnly: true }),
  tun_gtpu_msgtype: bits(8, 'decimal', 'et:16', { readOnly: true }),
  ...tunnelOptions,
  ct_state: bits(32, 'ctState', 'nxm1:105', { readOnly: true }),
  ct_zone: whole(16, 'decimal', 'nxm1:106', { readOnly: true }),
  ct_mark: bits(32, 'hex', 'nxm1:107'),
  ct_label: wide(128, 'hex', 'nxm1:108'),
  ct_nw_proto: whole(8, 'decimal', 'nxm1:119', { needs: 'ct', readOnly: true }),
  ct_nw_src: bits(32, 'ipv4', 'nxm1:120', { needs: 'ct', readOnly: true }),
  ct_nw_dst: bits(32, 'ipv4', 'nxm1:121', { needs: 'ct', readOnly: true }),
  ct_ipv6_src: wide(128, 'ipv6', 'nxm1:122', { needs: 'ct', readOnly: true }),
  ct_ipv6_dst: wide(128, 'ipv6', 'nxm1:123', { needs: 'ct', readOnly: true }),
  ct_tp_src: bits(16, 'decimal', 'nxm1:124', { needs: 'ct', readOnly: true }),
  ct_tp_dst: bits(16, 'decimal', 'nxm1:125', { needs: 'ct', readOnly: true }),
  nsh_flags: bits(8, 'decimal', 'nsh:1', { needs: 'nsh' }),
  nsh_mdtype: whole(8, 'decimal', 'nsh:2', { needs: 'nsh', readOnly: true }),
  nsh_np: whole(8, 'decimal', 'nsh:3', { needs: 'nsh', readOnly: true }),
  nsh_spi: { ...whole(24, 'hex', 'nsh:4', { needs: 'nsh', alias: 'nsp' }), bytes: 4 },
  nsh_si: whole(8, 'decimal', 'nsh:5', { needs: 'nsh', alias: 'nsi' }),
  nsh_c1: bits(32, 'hex', 'nsh:6', { needs: 'nsh', alias: 'nshc1' }),
  nsh_c2: bits(32, 'hex', 'nsh:7', { needs: 'nsh', alias: 'nshc2' }),
  nsh_c3: bits(32, 'hex', 'nsh:8', { needs: 'nsh', alias: 'nshc3' }),
  nsh_c4: bits(32, 'hex', 'nsh:9', { needs: 'nsh', alias: 'nshc4' }),
  nsh_ttl: whole(8, 'decimal', 'nsh:10', { needs: 'nsh' }),
  nd_reserved: whole(32, 'decimal', 'eric:1', { needs: 'nd' }),
  nd_options_type: whole(8, 'decimal', 'eric:2', { needs: 'nd' }),
} as const satisfies Record<string, FieldSpec>;

export type FieldName = keyof typeof fields;

/** Fields whose value is a number. */
export type SmallField = {
  [K in FieldName]: (typeof fields)[K]['kind'] extends 'number' ? K : never;
}[FieldName];

/** Fields whose value is a bigint. */
export type WideField = Exclude<FieldName, SmallField>;
