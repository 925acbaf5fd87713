import { bytesToHex } from '../bytes/hex.ts';
import { canonicalMatch } from '../flow/canonical-match.ts';
import { offeredVersions } from '../hello.ts';
import type { MessageOf, MessageType } from '../message.ts';
import type { Port } from '../messages/port.ts';
import { groups, meters, noBuffer, ports, type Version } from '../registry/numbers.ts';
import { stat } from '../stats.ts';
import { bigintToMac } from './addresses.ts';
import { printSelector } from './flow.ts';
import { askedFlows, flowModText, toldFlow, updateText } from './flow-messages.ts';
import { printBucketId, printGroup } from './group.ts';
import { printMatch } from './match.ts';
import { packetIn2Text, packetText } from './packet-messages.ts';
import { printActions } from './print-actions.ts';
import { tableDescText, tableSettings, tableStatsTexts } from './table-messages.ts';
import { hex, printPort } from './values.ts';
import {
  asyncKinds,
  bandTypes,
  bitNames,
  bundleFlags,
  capabilityNames,
  counter,
  dump,
  duration,
  evictionFlags,
  indexed,
  lines,
  meterFlags,
  monitorFlags,
  monitorFlags13,
  portConfigs,
  portFeatures,
  portStates,
  removedReasons,
  time,
  timeOf,
  unknown64,
} from './wording.ts';

function portText(port: Port): string {
  const ethernet = port.properties.find((property) => property.type === 'ethernet');
  const features = (label: string, bits: number | undefined) =>
    bits ? [`     ${label.padEnd(12)}${bitNames(bits, portFeatures, ' ')}`] : [];
  const mega = (kilobits: number | undefined) => `${Math.floor((kilobits ?? 0) / 1000)} Mbps`;
  return [
    `${printPort(port.port)}(${port.name}): addr:${bigintToMac(port.hwAddr)}`,
    `     config:     ${bitNames(port.config, portConfigs, ' ')}`,
    `     state:      ${bitNames(port.state, portStates, ' ')}`,
    ...features('current:', ethernet?.current),
    ...features('advertised:', ethernet?.advertised),
    ...features('supported:', ethernet?.supported),
    ...features('peer:', ethernet?.peer),
    `     speed: ${mega(ethernet?.currentSpeed)} now, ${mega(ethernet?.maxSpeed)} max`,
  ].join('\n');
}

/** Those with a name first, by number. */
const byPort = (a: { port: number }, b: { port: number }) => a.port - b.port;

type Body<K extends MessageType> = Omit<MessageOf<K>, 'type'>;
const groupCommandNames = ['ADD', 'MOD', 'DEL', 'INSERT_BUCKET', undefined, 'REMOVE_BUCKET'];

function groupModText(v: Body<'groupMod'>): string {
  const some = v.command > 2;
  const where = some && v.version >= 5 ? `command_bucket_id:${printBucketId(v.commandBucketId)},` : '';
  const text = printGroup(v, v.version as Version);
  // Where buckets come and go, the group stays of its type.
  return ` ${groupCommandNames[v.command] ?? v.command} ${where}${some ? text.replace(/,type=\w+/, '') : text}`;
}

type Bands = MessageOf<'meterMod'>['bands'];

function bandTexts(bands: Bands, flags: number): string {
  return lines(
    bands.map((band) => {
      if (!('rate' in band)) return 'type=unknown';
      const burst = flags & 4 ? ` burst_size=${band.burst}` : '';
      if (band.type === 'dscpRemark')
        return `type=dscp_remark rate=${band.rate}${burst} prec_level=${band.precedence}`;
      return `type=${band.type === 'drop' ? 'drop' : 'experimenter'} rate=${band.rate}${burst}`;
    }),
  );
}

function meterName(meter: number): string {
  const found = Object.entries(meters).find(([name, number]) => number === meter && name !== 'max');
  return found ? (found[0] === 'slowPath' ? 'slowpath' : found[0]) : String(meter);
}

const meterModText = (v: Body<'meterMod'>) =>
  ` ${['ADD', 'MOD', 'DEL'][v.command] ?? v.command} meter=${meterName(v.meter)} ` +
  `${v.flags ? `${bitNames(v.flags, meterFlags, ' ')} ` : ''}bands=${bandTexts(v.bands, v.flags)}`;

const roleNames = ['nochange', 'equal', 'primary', 'secondary'];
const generation = (id: bigint) => (id === unknown64 ? '' : ` generation_id=${id}`);

function asyncText(v: Body<'setAsync'>): string {
  const side = (suffix: 'Primary' | 'Secondary') =>
    asyncKinds.map(([label, kind, names]) => {
      const found = v.properties.find(({ type }) => type === `${kind}${suffix}`);
      const mask = found && 'mask' in found ? found.mask : 0;
      const words = names.filter((name, bit) => name && (mask >>> bit) & 1);
      return `\n${label.padStart(16)}: ${words.join(' ') || '(off)'}`;
    });
  return `\n primary:${side('Primary').join('')}\n\n secondary:${side('Secondary').join('')}`;
}

/** The head of a message about a bundle. */
export function bundleText(v: { bundle: number; flags: number }, type: string): string {
  return `\n bundle_id=${hex(BigInt(v.bundle))} ${type}flags=${bitNames(v.flags, bundleFlags, ' ')}`;
}
const controlNames = ['OPEN', 'CLOSE', 'COMMIT', 'DISCARD'].flatMap((name) => [
  `${name}_REQUEST`,
  `${name}_REPLY`,
]);

function mapTable(maps: MessageOf<'tlvTableReply'>['maps']): string {
  return [
    ' mapping table:',
    '  class  type  length  match field',
    ' ------  ----  ------  --------------',
    ...maps.map(({ optionClass, optionType, optionLength, index }) => {
      const type = hex(BigInt(optionType)).padStart(4);
      const length = String(optionLength).padStart(6);
      return ` ${hex(BigInt(optionClass)).padStart(6)}  ${type}  ${length}  tun_metadata${index}`;
    }),
  ].join('\n');
}

function exporterText(v: MessageOf<'ipfixFlowReply'>['exporters'][number], label: string): string {
  const indent = ' '.repeat(label.length);
  return (
    `\n${label}flows=${v.totalFlows}, current flows=${v.currentFlows}, sampled pkts=${v.packets}, ` +
    `ipv4 ok=${v.ipv4Packets}, ipv6 ok=${v.ipv6Packets}, tx pkts=${v.txPackets}\n${indent}` +
    `pkts errs=${v.errorPackets}, ipv4 errs=${v.ipv4ErrorPackets}, ipv6 errs=${v.ipv6ErrorPackets}, tx errs=${v.txErrors}`
  );
}

const fragments = ['normal', 'drop', 'reassemble', 'nx_match'];
const configText = (v: Body<'setConfig'>) =>
  ` frags=${fragments[v.flags & 3]} miss_send_len=${v.missSendLength}`;
const echoText = ({ data }: Body<'echoRequest'>) => ` ${data.byteLength} bytes of payload${dump(data)}`;
const portName = ({ port }: { port: number }) => (port === ports.any ? 'ANY' : printPort(port));
const roleText = (v: Body<'roleRequest'>) =>
  ` role=${indexed(roleNames, v.role)}${v.role === 0 ? '' : generation(v.generationId)}`;
const groupName = (group: number) =>
  group === groups.any ? 'ANY' : group === groups.all ? 'ALL' : String(group);
const queueName = (queue: number) => (queue === 0xffffffff ? 'ALL' : String(queue));

type Queues = readonly Pick<MessageOf<'queueDescReply'>['queues'][number], 'queue' | 'properties'>[];

function queueTexts(queues: Queues): string {
  const rate = (property: Queues[number]['properties'][number]) =>
    property.type === 'minRate' || property.type === 'maxRate'
      ? ` ${property.type === 'minRate' ? 'min' : 'max'}_rate:${(property.rate / 10).toFixed(1)}%`
      : '';
  const sorted = [...queues].sort((a, b) => a.queue - b.queue);
  return lines(sorted.map(({ queue, properties }) => `queue ${queue}:${properties.map(rate).join('')}`));
}

type Bodies = { readonly [K in MessageType]?: (message: MessageOf<K>) => string | undefined };

/** What ovs-ofctl prints behind the head of a message, by type; what is not here, or undefined, has a form of our own. */
export const bodies: Bodies = {
  hello(v) {
    // Open vSwitch counts no further than the first word of a bitmap.
    const offered = [...offeredVersions(v)]
      .filter((version) => version < 32)
      .map((version) => `0x${version.toString(16).padStart(2, '0')}`);
    const more = v.extra ? `\n unknown data in hello:${dump(v.extra)}` : '';
    return `\n version bitmap: ${offered.join(', ')}${more}`;
  },
  echoRequest: echoText,
  echoReply: echoText,
  featuresReply: (v) =>
    ` dpid:${v.datapathId.toString(16).padStart(16, '0')}\nn_tables:${v.tableCount}, n_buffers:${v.bufferCount}` +
    `${v.auxiliaryId ? `, auxiliary_id:${v.auxiliaryId}` : ''}` +
    `\ncapabilities: ${bitNames(v.capabilities, capabilityNames, ' ')}`,
  getConfigReply: configText,
  setConfig: configText,
  packetIn: packetText,
  flowRemoved(v) {
    const age = timeOf(v.stats, 'duration');
    return [
      ` ${printSelector(v)}reason=${indexed(removedReasons, v.reason)} table_id=${v.table}`,
      v.cookie === 0n ? '' : ` cookie:0x${v.cookie.toString(16)}`,
      ` duration${duration(age?.sec ?? 0, age?.nsec ?? 0)} idle${v.idleTimeout}`,
      v.hardTimeout === 0 ? '' : ` hard${v.hardTimeout}`,
      ` pkts${stat(v.stats, 'packetCount')?.value ?? 0n} bytes${stat(v.stats, 'byteCount')?.value ?? 0n}`,
    ].join('');
  },
  portStatus: (v) => ` ${['ADD', 'DEL', 'MOD'][v.reason] ?? v.reason}: ${portText(v.port)}`,
  flowMod: flowModText,
  groupMod: (v) => `\n${groupModText(v)}`,
  portMod(v) {
    const ethernet = v.properties.find((property) => property.type === 'ethernet');
    const advertise = ethernet?.advertise ? bitNames(ethernet.advertise, portFeatures, ' ') : 'UNCHANGED';
    return [
      ` port: ${printPort(v.port)}: addr:${bigintToMac(v.hwAddr)}`,
      `     config: ${bitNames(v.config, portConfigs, ' ')}`,
      `     mask:   ${bitNames(v.mask, portConfigs, ' ')}`,
      `     advertise: ${advertise}`,
    ].join('\n');
  },
  meterMod: meterModText,
  tableMod(v) {
    if (v.version < 5) return ` table_id=${v.table}`;
    const { eviction, evicts, tells, vacancy } = tableSettings(v.config, v.properties);
    const flags = eviction && evicts && eviction.flags ? bitNames(eviction.flags, evictionFlags, '|') : '';
    const limits = vacancy ? ` vacancy_down=${vacancy.down}% vacancy_up=${vacancy.up}%` : '';
    return (
      ` table_id=${v.table}, eviction=${evicts ? 'on' : 'off'}${flags && ''}` +
      `, vacancy=${tells ? 'on' : 'off'}${tells ? limits : ''}`
    );
  },
  tableStatus: (v) =>
    ` reason=${v.reason === 3 ? 'VACANCY_DOWN' : 'VACANCY_UP'}\ntable_desc:-${tableDescText(v.table)}`,
  tableDescReply: (v) => v.tables.map(tableDescText).join('\n'),
  roleRequest: roleText,
  roleReply: roleText,
  roleStatus: (v) =>
    ` role=${indexed(roleNames, v.role)}${generation(v.generationId)} reason=${asyncKinds[3][2][v.reason] ?? v.reason}`,
  setAsync: asyncText,
  getAsyncReply: asyncText,
  requestForward: ({ request: v }) =>
    v.type === 'groupMod'
      ? ` reason=group_mod\n${groupModText(v)}`
      : v.type === 'meterMod'
        ? ` reason=meter_mod${meterModText(v)}`
        : '',
  bundleControl: (v) => bundleText(v, `type=${indexed(controlNames, v.control)} `),
  queueGetConfigReply: (v) => ` port=${portName(v)}${queueTexts(v.queues)}`,
  queueDescReply(v) {
    const numbers = [...new Set(v.queues.map(({ port }) => port))].sort((a, b) => a - b);
    return numbers
      .map(
        (port) => `port=${portName({ port })}${queueTexts(v.queues.filter((queue) => queue.port === port))}`,
      )
      .join('\n')
      .replace(/^/, ' ');
  },
  tableStatsReply: ({ tables }) => tableStatsTexts(tables),
  tableFeaturesRequest: ({ tables }) => (tables.length === 0 ? '' : undefined),
  nxPacketIn: packetText,
  packetIn2: packetIn2Text,
  resume: packetIn2Text,
  packetOut: (v) =>
    ` ${printMatch(v.match)} actions=${printActions(v.actions)} ` +
    (v.bufferId === noBuffer
      ? `data_len=${v.data.byteLength}\npacket=${bytesToHex(v.data)}`
      : `buffer=0x${v.bufferId.toString(16).padStart(8, '0')}`),
  queueGetConfigRequest: (v) => ` port=${portName(v)}`,
  tlvTableMod: (v) =>
    v.command === 2 ? '\n CLEAR' : `\n ${v.command === 0 ? 'ADD' : 'DEL'}${mapTable(v.maps)}`,
  tlvTableReply(v) {
    const used = v.maps.reduce((sum, { optionLength }) => sum + optionLength, 0);
    return (
      `\n max option space=${v.maxSpace} max fields=${v.maxFields}` +
      `\n allocated option space=${used}\n\n${mapTable(v.maps)}`
    );
  },
  ctFlushZone: (v) => ` zone_id=${v.zone}`,
  setControllerId: (v) => ` id=${v.controllerId}`,
  cancelFlowMonitor: (v) => ` id=${v.monitor}`,
  setPacketInFormat: (v) => ` format=${indexed(['standard', 'nxt_packet_in', 'nxt_packet_in2'], v.format)}`,
  descReply: (v) =>
    lines([
      `Manufacturer: ${v.manufacturer}`,
      `Hardware: ${v.hardware}`,
      `Software: ${v.software}`,
      `Serial Num: ${v.serialNumber}`,
      `DP Description: ${v.datapath}`,
    ]),
  flowDescRequest: askedFlows,
  aggregateRequest: askedFlows,
  flowDescReply: (v) => lines(v.flows.map(toldFlow)),
  aggregateReply: ({ stats }) =>
    ` packet_count=${counter(stat(stats, 'packetCount')?.value)} byte_count=${counter(stat(stats, 'byteCount')?.value)}` +
    ` flow_count=${stat(stats, 'flowCount')?.value ?? 0}`,
  portStatsRequest: (v) => ` port_no=${portName(v)}`,
  portStatsReply: ({ ports: all }) =>
    ` ${all.length} ports${all
      .map((v) => {
        const more = v.properties.find((property) => property.type === 'ethernet');
        const indent = ' '.repeat(11);
        return [
          `\n  port ${printPort(v.port).padStart(2)}: rx pkts=${counter(v.rxPackets)}, bytes=${counter(v.rxBytes)}`,
          `, drop=${counter(v.rxDropped)}, errs=${counter(v.rxErrors)}, frame=${counter(more?.rxFrameErrors)}`,
          `, over=${counter(more?.rxOverrunErrors)}, crc=${counter(more?.rxCrcErrors)}`,
          `\n${indent}tx pkts=${counter(v.txPackets)}, bytes=${counter(v.txBytes)}, drop=${counter(v.txDropped)}`,
          `, errs=${counter(v.txErrors)}, coll=${counter(more?.collisions)}`,
          v.sec === 0xffffffff ? '' : `\n${indent}duration=${duration(v.sec, v.nsec)}`,
        ].join('');
      })
      .join('')}`,
  queueStatsRequest: (v) => ` port=${portName(v)} queue=${queueName(v.queue)}`,
  queueStatsReply: ({ queues }) =>
    ` ${queues.length} queues` +
    lines(
      queues.map(
        (v) =>
          `  port ${printPort(v.port)} queue ${v.queue}: bytes=${counter(v.txBytes)}, pkts=${counter(v.txPackets)}, ` +
          `errors=${counter(v.txErrors)}, duration=${time(v.sec, v.nsec)}`,
      ),
    ),
  groupStatsRequest: (v) => ` group_id=${groupName(v.group)}`,
  groupStatsReply: (v) =>
    lines(
      v.groups.map((group) => {
        const buckets = group.buckets.map(
          ({ packetCount, byteCount }, index) =>
            `,bucket${index}:packet_count=${packetCount},byte_count=${byteCount}`,
        );
        return (
          ` group_id=${group.group},duration=${duration(group.sec, group.nsec)},ref_count=${group.refCount},` +
          `packet_count=${group.packetCount},byte_count=${group.byteCount}${buckets.join('')}`
        );
      }),
    ),
  groupDescRequest: (v) => ` group_id=${groupName(v.group)}`,
  groupDescReply: (v) => lines(v.groups.map((group) => ` ${printGroup(group, v.version as Version)}`)),
  meterStatsRequest: (v) => ` meter=${meterName(v.meter)}`,
  meterDescRequest: (v) => ` meter=${meterName(v.meter)}`,
  meterStatsReply: (v) =>
    v.meters
      .map(
        (meter) =>
          `\nmeter:${meterName(meter.meter)} flow_count:${meter.refCount} packet_in_count:${meter.packetInCount} ` +
          `byte_in_count:${meter.byteInCount} duration:${duration(meter.sec, meter.nsec)} bands:` +
          meter.bands
            .map(
              ({ packetCount, byteCount }, n) =>
                `\n${n}: packet_count:${packetCount} byte_count:${byteCount}`,
            )
            .join(''),
      )
      .join('\n'),
  meterDescReply: (v) =>
    v.meters
      .map(
        (meter) =>
          `\nmeter=${meterName(meter.meter)} ${bitNames(meter.flags, meterFlags, ' ', '')} bands=` +
          bandTexts(meter.bands, meter.flags),
      )
      .join('\n'),
  meterFeaturesReply: (v) =>
    `\nmax_meter:${v.maxMeter} max_bands:${v.maxBands} max_color:${v.maxColor}` +
    `\nband_types: ${bitNames(v.bandTypes, bandTypes, ' ')}` +
    `\ncapabilities: ${bitNames(v.capabilities, meterFlags, ' ')}`,
  portDescRequest: (v) => ` port=${portName(v)}`,
  portDescReply: (v) =>
    [...v.ports]
      .sort(byPort)
      .map((port) => `\n ${portText(port)}`)
      .join(''),
  queueDescRequest: (v) => ` port=${portName(v)}${v.queue === 0xffffffff ? '' : ` queue=${v.queue}`}`,
  flowMonitorRequest: (v) =>
    lines(
      v.monitors.map((monitor) => {
        const names = v.version < 5 ? monitorFlags13 : monitorFlags;
        return [
          ` id=${monitor.monitor} flags=${bitNames(monitor.monitorFlags, names, ',')}`,
          monitor.outPort === ports.any ? '' : ` out_port=${printPort(monitor.outPort)}`,
          monitor.outGroup === groups.any ? '' : ` out_group=${monitor.outGroup}`,
          monitor.table === 255 ? '' : ` table=${monitor.table}`,
          ` ${printMatch(canonicalMatch(monitor.match))}`.trimEnd(),
        ].join('');
      }),
    ),
  flowMonitorReply: (v) => lines(v.updates.map(updateText)),
  ipfixBridgeReply: (v) => v.exporters.map((exporter) => exporterText(exporter, '  bridge ipfix: ')).join(''),
  ipfixFlowReply: (v) =>
    ` ${v.exporters.length} ids` +
    v.exporters
      .map((exporter) => exporterText(exporter, `  id${String(exporter.collectorSet).padStart(4)}: `))
      .join(''),
};
