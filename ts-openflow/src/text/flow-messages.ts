import { canonicalMatch } from '../flow/canonical-match.ts';
import type { Flow } from '../flow/flow.ts';
import type { MessageOf } from '../message.ts';
import { flowCommands, groups, noBuffer, ports } from '../registry/numbers.ts';
import { type Stats, stat } from '../stats.ts';
import { printFlowFlags, printSelector, printSettings } from './flow.ts';
import { printMatch } from './match.ts';
import { printInstructions } from './print-actions.ts';
import { hex, printPort } from './values.ts';
import { duration, indexed, removedReasons, timeOf, unknown64 } from './wording.ts';

type FlowAsked = Omit<MessageOf<'flowDescRequest'>, 'type'>;

export function askedFlows(v: FlowAsked): string {
  const words = [
    ...(v.cookieMask === 0n ? [] : [`cookie=0x${v.cookie.toString(16)}/0x${v.cookieMask.toString(16)}`]),
    ...(v.table === 255 ? [] : [`table=${v.table}`]),
    ...(v.outPort === ports.any ? [] : [`out_port=${printPort(v.outPort)}`]),
    ...(v.outGroup === groups.any ? [] : [`out_group=${v.outGroup}`]),
  ];
  const match = printMatch(canonicalMatch(v.match));
  return [...words, ...(match ? [match] : [])].map((word) => ` ${word}`).join('');
}

type FlowTold = Flow & { readonly stats: Stats };

export function toldFlow(flow: FlowTold): string {
  const { stats } = flow;
  const [age, idle] = [timeOf(stats, 'duration'), timeOf(stats, 'idleTime')];
  return [
    ` cookie=0x${flow.cookie.toString(16)}, duration=${duration(age?.sec ?? 0, age?.nsec ?? 0)}, table=${flow.table}, `,
    `n_packets=${stat(stats, 'packetCount')?.value ?? 0n}, n_bytes=${stat(stats, 'byteCount')?.value ?? 0n}, `,
    `${printSettings(flow)}${idle ? `idle_age=${idle.sec}, ` : ''}`,
    `${printSelector(flow)}actions=${printInstructions(flow.instructions)}`,
  ].join('');
}

const commandNames = ['ADD', 'MOD', 'MOD_STRICT', 'DEL', 'DEL_STRICT'];

export function flowModText(v: Omit<MessageOf<'flowMod'>, 'type'>): string {
  const isAdd = v.command === flowCommands.add;
  const masked = !isAdd && v.cookieMask !== 0n;
  const fresh = v.cookie !== 0n && v.cookie !== unknown64 && !masked;
  return [
    ` ${commandNames[v.command] ?? v.command} ${v.table === 0 ? '' : `table:${v.table} `}`,
    printSelector(v),
    fresh ? `cookie:0x${v.cookie.toString(16)} ` : '',
    masked ? `cookie:0x${v.cookie.toString(16)}/0x${v.cookieMask.toString(16)} ` : '',
    v.idleTimeout === 0 ? '' : `idle:${v.idleTimeout} `,
    v.hardTimeout === 0 ? '' : `hard:${v.hardTimeout} `,
    v.importance === 0 ? '' : `importance:${v.importance} `,
    v.bufferId === noBuffer ? '' : `buf:0x${v.bufferId.toString(16)} `,
    v.outPort === ports.any ? '' : `out_port:${printPort(v.outPort)} `,
    // Only a deletion looks at it.
    v.command < flowCommands.delete || v.outGroup === groups.any ? '' : `out_group:${v.outGroup} `,
    printFlowFlags(v.flags),
    `actions=${printInstructions(v.instructions)}`,
  ].join('');
}

type Update = MessageOf<'flowMonitorReply'>['updates'][number];

export function updateText(update: Update): string {
  if (update.event === 'abbreviated') return ` event=ABBREV xid=0x${update.xid.toString(16)}`;
  if (!('match' in update)) return ` event=${update.event.toUpperCase()}`;
  const name = update.event === 'removed' ? 'DELETED' : update.event.toUpperCase();
  return [
    ` event=${name}`,
    update.event === 'removed' ? ` reason=${indexed(removedReasons, update.reason)}` : '',
    ` table=${update.table}`,
    update.idleTimeout === 0 ? '' : ` idle_timeout=${update.idleTimeout}`,
    update.hardTimeout === 0 ? '' : ` hard_timeout=${update.hardTimeout}`,
    ` cookie=${hex(update.cookie)}`,
    ` ${printMatch(canonicalMatch(update.match))}`.trimEnd(),
    update.instructions.length === 0 ? '' : ` actions=${printInstructions(update.instructions)}`,
  ].join('');
}
