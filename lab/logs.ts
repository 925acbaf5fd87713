/**
 * Watches the logs: a warning that nobody expected is a failure, whatever else went well.
 */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';

/** Whose log: the controller's, ovs-vswitchd's, or that of the emulators. */
export type LogKind = 'controller' | 'switch' | 'functions';

/** A warning that is expected, and why. */
export type Allowed = { readonly log: LogKind; readonly line: RegExp; readonly because: string };

export type Unexpected = { readonly log: string; readonly line: string };

/** Whether a line is a warning or worse. */
const isWarning: { readonly [kind in LogKind]: (line: string) => boolean } = {
  // One JSON object per line; what is not JSON was not written by the log, but by a crash.
  controller: (line) => {
    try {
      const { level } = JSON.parse(line) as { level?: unknown };
      return !['trace', 'debug', 'info'].includes(String(level));
    } catch {
      return true;
    }
  },
  switch: (line) => /\|(WARN|ERR|EMER)\|/.test(line),
  // The emulator says something only if something is wrong.
  functions: () => true,
};

export class Logs {
  readonly #files: () => readonly { kind: LogKind; path: string }[];
  readonly #offsets = new Map<string, number>();

  /**
   * @param controller path of the controller's log
   * @param vswitchd path of ovs-vswitchd's log; what is in it already is not ours
   * @param functions directory beneath which the emulators' logs are
   */
  constructor(controller: string, vswitchd: string, functions: string) {
    if (existsSync(vswitchd)) this.#offsets.set(vswitchd, statSync(vswitchd).size);
    this.#files = () => [
      { kind: 'controller', path: controller },
      { kind: 'switch', path: vswitchd },
      ...logsBeneath(functions).map((path) => ({ kind: 'functions' as const, path })),
    ];
  }

  /** The warnings since the last call that are not among the allowed ones. */
  unexpected(allowed: readonly Allowed[]): readonly Unexpected[] {
    const found: Unexpected[] = [];
    for (const { kind, path } of this.#files()) {
      for (const line of this.#newLines(path)) {
        if (!isWarning[kind](line)) continue;
        if (allowed.some((entry) => entry.log === kind && entry.line.test(line))) continue;
        found.push({ log: basename(path), line });
      }
    }
    return found;
  }

  #newLines(path: string): readonly string[] {
    if (!existsSync(path)) return [];
    const offset = this.#offsets.get(path) ?? 0;
    const content = readFileSync(path).subarray(offset);
    const end = content.lastIndexOf(0x0a) + 1;
    this.#offsets.set(path, offset + end);
    return content
      .subarray(0, end)
      .toString('utf8')
      .split('\n')
      .filter((line) => line.trim() !== '');
  }
}

function logsBeneath(directory: string): readonly string[] {
  if (!existsSync(directory)) return [];
  return readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .filter((name) => /(^|[/.])log$/.test(name))
    .map((name) => join(directory, name));
}
