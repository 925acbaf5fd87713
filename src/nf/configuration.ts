/**
 * Which configuration a guest is given. Pure.
 */
import type { JsonObject, OwnFunctionSpec } from '../model/declared.ts';
import { ChainstitchError } from '../model/errors.ts';
import { CONTRACT } from './contract.ts';
import type { Configuration } from './rundir.ts';

export const bytesOf = (config: JsonObject): Buffer => Buffer.from(JSON.stringify(config));

/** The lists that a configuration names. */
export function listsIn({ lists }: OwnFunctionSpec, config: JsonObject): readonly string[] {
  const named = lists === undefined ? undefined : config[lists.slice(1)];
  return Array.isArray(named) ? named.filter((name) => typeof name === 'string') : [];
}

/** Why no guest can be given this configuration; undefined when one can. */
export function tooLong(config: JsonObject): string | undefined {
  const { byteLength } = bytesOf(config);
  const most = CONTRACT.CONTRACT_MAX_CONFIG;
  return byteLength > most ? `it has ${byteLength} bytes, the most is ${most}` : undefined;
}

/**
 * What a guest boots with. One that a guest has refused would be refused again: the last one that was taken
 * is better than no guest.
 *
 * @throws ChainstitchError `host-failed` when there is none that could be given to a guest
 */
export function bootConfiguration(
  wanted: Configuration,
  refused: number | undefined,
  lastGood: Configuration | undefined,
): Configuration {
  const fault = tooLong(wanted.config);
  if (lastGood && (fault !== undefined || refused === wanted.revision)) return lastGood;
  if (fault !== undefined)
    throw new ChainstitchError('host-failed', `the configuration is too long: ${fault}`);
  return { revision: wanted.revision, config: wanted.config };
}
