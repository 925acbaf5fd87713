import type { Codec } from '../bytes/codec.ts';
import { list } from '../bytes/codec.ts';
import { type ExperimenterTlv, type TlvUnion, tlv, type UnknownTlv } from '../bytes/tlv.ts';
import { niciraActions, setNestedAction } from './nicira.ts';
import { standardActions } from './standard.ts';

/** Every action by the name of its `type`. */
export const actionTable = { ...standardActions, ...niciraActions };

export type KnownAction = TlvUnion<typeof actionTable>;
/** What is done to a packet; told apart by `type`. */
export type Action = KnownAction | UnknownTlv | ExperimenterTlv;

export const action: Codec<Action> = tlv(actionTable, {
  domain: 'action',
  padding: 'inside',
  subtypeBytes: 2,
});
setNestedAction(action);

export const actions: Codec<readonly Action[]> = list(action);
