import { EncodeError, errorName, type FlowDesc, printFlow } from 'ts-openflow';
import type { DesiredFlow } from '../../model/desired.ts';
import type { Fault } from '../openflow/channel.ts';
import { asFlow, type Change } from './difference.ts';
import { describeGroup } from './groups.ts';

/** A flow in ovs-ofctl's syntax. */
export const describeFlow = (flow: DesiredFlow | FlowDesc): string => printFlow(asFlow(flow));

/** What is to change, a flow or a group. */
export const describeChange = (change: Change): string =>
  'flow' in change ? describeFlow(change.flow) : describeGroup(change.group);

/** What the standard's names of codes begin with, by the type of error (OpenFlow 1.5.1, section 7.5.4). */
const PREFIX: Readonly<Record<string, string>> = {
  HELLO_FAILED: 'OFPHFC',
  BAD_REQUEST: 'OFPBRC',
  BAD_ACTION: 'OFPBAC',
  BAD_INSTRUCTION: 'OFPBIC',
  BAD_MATCH: 'OFPBMC',
  FLOW_MOD_FAILED: 'OFPFMFC',
  GROUP_MOD_FAILED: 'OFPGMFC',
  BUNDLE_FAILED: 'OFPBFC',
};

/** OpenFlow's own name of an error, its numbers where it has none. */
export function describeFault(fault: Fault): string {
  if (fault instanceof EncodeError) return fault.message;
  const name = errorName(fault);
  if (name === undefined) return `error ${fault.errorType}/${fault.code}`;
  return `${PREFIX[name.type] ?? name.type}_${name.code}`;
}
