import { type FieldName, type FieldSpec, fields } from '../registry/fields.ts';

/** What a field is called in its class, where that is not its own name in capitals. */
const nxmParts: Partial<Record<FieldName, string>> = {
  nw_proto: 'IP_PROTO',
  nw_ecn: 'IP_ECN',
  nw_ttl: 'IP_TTL',
  nw_tos: 'IP_TOS',
  nxm_in_port: 'IN_PORT',
  tun_src: 'TUN_IPV4_SRC',
  tun_dst: 'TUN_IPV4_DST',
};

const prefixes: Readonly<Record<string, string>> = {
  nxm0: 'NXM_OF_',
  nxm1: 'NXM_NX_',
  oxm: 'OXM_OF_',
  reg: 'OXM_OF_PKT_REG',
  onf: 'ONFOXM_ET_',
  et: 'NXOXM_ET_',
  nsh: 'NXOXM_NSH_',
  eric: 'ERICOXM_OF_ICMPV6_',
};

/** The name in capitals that moves and loads use, such as NXM_OF_ETH_SRC: of an NXM class where there is one. */
export function nxmName(field: FieldName): string {
  const { headers }: FieldSpec = fields[field];
  const forms = headers.split(' ');
  const form = forms.find((header) => header.startsWith('nxm')) ?? forms[0] ?? '';
  const [kind = '', number = ''] = form.split(':');
  if (kind === 'reg') return `${prefixes[kind]}${number}`;
  const own = kind === 'nsh' ? field.slice(4).toUpperCase() : field.toUpperCase();
  return `${prefixes[kind]}${(kind === 'nsh' ? undefined : nxmParts[field]) ?? own}`;
}

const byNxmName = new Map<string, FieldName>();
for (const field of Object.keys(fields) as FieldName[]) {
  byNxmName.set(nxmName(field), field);
  const { headers }: FieldSpec = fields[field];
  if (headers.startsWith('oxm:')) byNxmName.set(`OXM_OF_${field.toUpperCase()}`, field);
}
// OpenFlow's own names that differ from Open vSwitch's.
byNxmName
  .set('OXM_OF_IPV4_SRC', 'ip_src')
  .set('OXM_OF_IPV4_DST', 'ip_dst')
  .set('OXM_OF_IP_PROTO', 'nw_proto');
byNxmName.set('OXM_OF_ICMPV4_TYPE', 'icmp_type').set('OXM_OF_ICMPV4_CODE', 'icmp_code');
byNxmName.set('OXM_OF_IPV6_FLABEL', 'ipv6_label').set('OXM_OF_TUNNEL_ID', 'tun_id');
byNxmName.set('OXM_OF_IPV6_ND_TARGET', 'nd_target').set('OXM_OF_IP_ECN', 'nw_ecn');

export function fieldByNxmName(name: string): FieldName | undefined {
  return byNxmName.get(name);
}
