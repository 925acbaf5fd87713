/**
 * Labels as an operator asks for them: `plan=gold,tier!=free,vip,!guest`.
 */
import type { Labels, SubscriberSpec } from '../model/declared.ts';
import { Failure } from './failure.ts';
import type { ShownKind } from './kinds.ts';

/** @throws Failure `usage` for a kind without labels, or what is no selector */
export function parseSelector(kind: ShownKind, text: string): (object: unknown) => boolean {
  if (kind !== 'subscribers') throw new Failure('usage', `only subscribers have labels; ${kind} have none`);
  const tests = text.split(',').map((term) => {
    const [, not, key, operator, value] =
      /^(!)?([A-Za-z0-9._/-]+)(?:(!?=)([ -~]*))?$/.exec(term.trim()) ?? [];
    if (key === undefined || (not !== undefined && operator !== undefined)) {
      throw new Failure('usage', `this is no selector: ${text}`, {
        remedy: 'Write terms such as plan=gold, plan!=gold, plan or !plan, with commas between them.',
      });
    }
    return (labels: Labels): boolean => {
      const found = Object.hasOwn(labels, key) ? labels[key] : undefined;
      if (operator === undefined) return (found !== undefined) === (not === undefined);
      return (found === value) === (operator === '=');
    };
  });
  return (object) => {
    const { labels = {} } = (object as { readonly spec: SubscriberSpec }).spec;
    return tests.every((holds) => holds(labels));
  };
}
