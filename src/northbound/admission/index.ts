/**
 * Whether a change fits with all else that is declared. Pure: the answer depends on the arguments alone.
 *
 * What is stored has passed here, so the rest of the controller may rely on it: every reference leads
 * somewhere, every config satisfies its schema, no two subscribers of a switch can be mistaken for each
 * other, and no frame of one's belongs to two chains.
 */
import type {
  ChainSpec,
  FunctionSpec,
  Kind,
  PoolSpec,
  Specs,
  SubscriberSpec,
  SwitchSpec,
  UplinkSpec,
  WebhookSpec,
} from '../../model/declared.ts';
import type { Name } from '../../model/ids.ts';
import { admitSubscriber, admitSwitch, admitUplink } from './attachments.ts';
import { admitChain, admitFunction } from './chains.ts';
import { admitDeletion } from './deletion.ts';
import { admitPool } from './pools.ts';
import { admitWebhook } from './webhooks.ts';
import { Objections, type Refusal, type World } from './world.ts';

export type { Refusal, World } from './world.ts';

/** Why this spec cannot be stored, in the place of the one of the same name if there is one; undefined where it can. */
export function admitSpec<K extends Kind>(world: World, kind: K, spec: Specs[K]): Refusal | undefined {
  const objections = new Objections();
  switch (kind) {
    case 'switches':
      admitSwitch(world, spec as SwitchSpec, objections);
      break;
    case 'uplinks':
      admitUplink(world, spec as UplinkSpec, objections);
      break;
    case 'subscribers':
      admitSubscriber(world, spec as SubscriberSpec, objections);
      break;
    case 'functions':
      admitFunction(world, spec as FunctionSpec, objections);
      break;
    case 'webhooks':
      admitWebhook(spec as WebhookSpec, objections);
      break;
    case 'pools':
      admitPool(world, spec as PoolSpec, objections);
      break;
    case 'chains':
      admitChain(world, spec as ChainSpec, objections);
      break;
  }
  return objections.refusal();
}

/** Why this object cannot be deleted; undefined where it can. */
export function admitRemoval(world: World, kind: Kind, name: Name): Refusal | undefined {
  const objections = new Objections();
  admitDeletion(world, kind, name, objections);
  return objections.refusal();
}
