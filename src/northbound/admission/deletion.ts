/**
 * What has to stay while others need it. A selector needs nobody: who is gone is no longer selected.
 */
import type { Kind } from '../../model/declared.ts';
import type { Name } from '../../model/ids.ts';
import { chainsWithoutUplink, mistakenWithoutUplinkOf } from './attachments.ts';
import { type Objections, objectsOf, type World } from './world.ts';

export function admitDeletion(world: World, kind: Kind, name: Name, objections: Objections): void {
  const need = (detail: string): void => objections.add('in-use', '', detail);
  switch (kind) {
    case 'switches':
      for (const noun of ['subscriber', 'uplink'] as const) {
        for (const { spec } of objectsOf(world, `${noun}s`).byBeginning(`port ${name}/`)) {
          need(`${noun} ${spec.name} is attached to it`);
        }
      }
      for (const { spec } of objectsOf(world, 'pools').by(`switch ${name}`)) {
        need(`pool ${spec.name} is on it`);
      }
      break;
    case 'uplinks': {
      const spec = world.before.uplinks.get(name)?.spec;
      if (spec === undefined) break;
      for (const { chain, subscriber } of chainsWithoutUplink(world)) {
        need(`chain ${chain} needs it for subscriber ${subscriber}`);
      }
      for (const detail of mistakenWithoutUplinkOf(world, spec.attachment.switch)) need(detail);
      break;
    }
    case 'functions':
      if (world.builtIns.has(name)) objections.add('built-in', '', `${name} comes with the product`);
      for (const { spec } of objectsOf(world, 'chains').by(`function ${name}`)) {
        need(`chain ${spec.name} has a hop of it`);
      }
      for (const { spec } of objectsOf(world, 'pools').by(`function ${name}`)) {
        need(`pool ${spec.name} is of it`);
      }
      break;
    case 'webhooks':
      break;
    case 'pools':
      for (const { spec } of objectsOf(world, 'chains').by(`pool ${name}`)) {
        need(`chain ${spec.name} has a hop of it`);
      }
      break;
    case 'subscribers':
      for (const { spec } of objectsOf(world, 'chains').by(`subscriber ${name}`)) {
        need(`chain ${spec.name} names it`);
      }
      break;
    case 'chains':
      break;
  }
}
