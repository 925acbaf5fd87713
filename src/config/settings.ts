/**
 * Reads settings from the command line and the environment.
 */
import { isIP } from 'node:net';
import { totalmem } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { closest } from '../model/closest.ts';
import { ChainstitchError } from '../model/errors.ts';
import { contradictions } from './contradictions.ts';
import {
  describeType,
  ENVIRONMENT_PREFIX,
  environmentName,
  propertyName,
  SETTING_NAMES,
  SETTINGS,
  type SettingEntry,
  type SettingName,
  type Settings,
  type SettingType,
  type Surroundings,
} from './table.ts';

/**
 * Names in the environment that begin as settings do and are none: the ones of the operator's command, which
 * an operator may have exported in the shell that starts the controller.
 */
const FOREIGN_ENVIRONMENT = new Set([
  'CHAINSTITCH_URL',
  'CHAINSTITCH_TOKEN',
  'CHAINSTITCH_TOKEN_FILE',
  'CHAINSTITCH_CA_FILE',
  'CHAINSTITCH_CERT',
  'CHAINSTITCH_KEY',
  'CHAINSTITCH_TIMEOUT',
  'CHAINSTITCH_CONTEXT',
  'CHAINSTITCH_CONFIG',
  'CHAINSTITCH_NODE',
]);

/**
 * The settings of this run: an argument wins over the environment, the environment over the default.
 *
 * @param argv arguments without the program's name, each `--name=value`
 * @throws ChainstitchError `bad-setting`, whose message has one line for every setting that is wrong
 */
export function loadSettings(
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
  surroundings: Surroundings = here(),
): Settings {
  const problems: string[] = [];
  const given = new Map<SettingName, { text: string; source: string }>();
  readEnvironment(env, given, problems);
  readArguments(argv, given, problems);

  const settings: Record<string, string | number> = {};
  for (const name of SETTING_NAMES) {
    const entry: SettingEntry = SETTINGS[name];
    const fallback = typeof entry.default === 'string' ? entry.default : entry.default(surroundings);
    const { text, source } = given.get(name) ?? { text: fallback, source: `--${name}` };
    const value = parse(entry.type, text, surroundings);
    if (typeof value === 'object') problems.push(`${source}=${text}: ${value.problem}`);
    else settings[propertyName(name)] = value;
  }
  if (problems.length === 0) problems.push(...contradictions(settings as Settings));
  if (problems.length > 0) throw new ChainstitchError('bad-setting', problems.join('\n'));
  return Object.freeze(settings) as Settings;
}

/** The file of the store. */
export const storeIn = ({ stateDir }: Pick<Settings, 'stateDir'>): string => join(stateDir, 'chainstitch.db');

type Given = Map<SettingName, { text: string; source: string }>;

function readEnvironment(
  env: Readonly<Record<string, string | undefined>>,
  given: Given,
  problems: string[],
): void {
  const names = new Map(SETTING_NAMES.map((name) => [environmentName(name), name]));
  for (const [key, text] of Object.entries(env)) {
    if (!key.startsWith(ENVIRONMENT_PREFIX) || text === undefined || FOREIGN_ENVIRONMENT.has(key)) continue;
    const name = names.get(key);
    if (name === undefined) problems.push(`${key}: there is no such setting${suggestion(key, names.keys())}`);
    else given.set(name, { text, source: key });
  }
}

function readArguments(argv: readonly string[], given: Given, problems: string[]): void {
  const seen = new Set<SettingName>();
  for (const argument of argv) {
    const match = /^--([^=]*)(?:=(.*))?$/s.exec(argument);
    if (match === null) {
      problems.push(`${argument}: arguments are written --name=value`);
      continue;
    }
    const [, flag = '', text] = match;
    const name = SETTING_NAMES.find((candidate) => candidate === flag);
    if (name === undefined) {
      const flags = SETTING_NAMES.map((candidate) => `--${candidate}`);
      problems.push(`--${flag}: there is no such setting${suggestion(`--${flag}`, flags)}`);
    } else if (text === undefined) {
      problems.push(`--${name}: the value is missing; write --${name}=value`);
    } else if (seen.has(name)) {
      problems.push(`--${name}: is given twice`);
    } else {
      seen.add(name);
      given.set(name, { text, source: `--${name}` });
    }
  }
}

function suggestion(wrong: string, names: Iterable<string>): string {
  const near = closest(wrong, names);
  return near === undefined ? '; docs/settings.md has all of them' : `; did you mean ${near}?`;
}

type Problem = { readonly problem: string };

function parse(type: SettingType, text: string, surroundings: Surroundings): string | number | Problem {
  const expected = { problem: `expected ${describeType(type).replaceAll('`', '')}` };
  switch (type.is) {
    case 'port':
      return integerWithin(text, 0, 65_535) ?? expected;
    case 'milliseconds':
      return integerWithin(text, type.min, type.max) ?? expected;
    case 'count':
      return integerWithin(text, type.min, type.max) ?? expected;
    case 'choice':
      return type.of.includes(text) ? text : expected;
    case 'some':
      return text.split(',').every((word) => type.of.includes(word)) ? text : expected;
    case 'text':
      return new RegExp(type.pattern).test(text) ? text : expected;
    case 'directory':
      return text === '' || text.includes('\0') ? expected : resolve(surroundings.workingDirectory, text);
    case 'host':
      return isHost(text) ? text : expected;
    case 'file':
      if (text === '') return text;
      return text.includes('\0') ? expected : resolve(surroundings.workingDirectory, text);
  }
}

function integerWithin(text: string, min: number, max: number): number | undefined {
  if (!/^\d{1,10}$/.test(text)) return undefined;
  const value = Number(text);
  return value >= min && value <= max ? value : undefined;
}

function isHost(text: string): boolean {
  return (
    isIP(text) !== 0 ||
    (text.length <= 253 && /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/i.test(text) && !/^[\d.]+$/.test(text))
  );
}

function here(): Surroundings {
  return {
    isRoot: process.getuid?.() === 0,
    packageDirectory: resolve(fileURLToPath(import.meta.url), '../../..'),
    workingDirectory: process.cwd(),
    memoryMiB: Math.floor(Math.min(totalmem(), process.constrainedMemory() || Infinity) / 2 ** 20),
  };
}
