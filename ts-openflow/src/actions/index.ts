import type { Codec } from '../bytes/codec.ts';
import { list } from '../bytes/codec.ts';
import { type ExperimenterTlv, type TlvUnion, tlv, type UnknownTlv } from '../bytes/tlv.ts';
import { formFor } from './forms.ts';
import { niciraActions, setNestedAction } from './nicira.ts';
import { standardActions } from './standard.ts';

/** Every action by the name of its `type`. */
export const actionTable = { ...standardActions, ...niciraActions };

export type KnownAction = TlvUnion<typeof actionTable>;
/** What is done to a packet; told apart by `type`. */
export type Action = KnownAction | UnknownTlv | ExperimenterTlv;

const asGiven: Codec<Action> = tlv(actionTable, { domain: 'action', padding: 'inside', subtypeBytes: 2 });

export const action: Codec<Action> = {
  read: (r) => asGiven.read(r),
  write: (w, v) => asGiven.write(w, formFor(v, w.version)),
};
setNestedAction(action);

export const actions: Codec<readonly Action[]> = list(action);
