/**
 * The table of settings as people read it: the text of `--help` and of docs/settings.md.
 * `node src/config/document.ts > docs/settings.md` writes the latter again.
 */
import { API_LIMITS } from '../model/limits.ts';
import { describeType, environmentName, SETTING_NAMES, SETTINGS, type SettingEntry } from './table.ts';

/** The whole of docs/settings.md. */
export function settingsMarkdown(): string {
  const rows = SETTING_NAMES.map((name) => {
    const entry: SettingEntry = SETTINGS[name];
    return `| \`--${name}\` | \`${environmentName(name)}\` | ${describeType(entry.type)} | ${defaultOf(entry)} | ${entry.help} |`;
  });
  return `# Settings

Each setting is an argument, \`--name=value\`, or a variable of the environment; the argument wins. What is
not known is refused, so that a slip of the pen never goes unnoticed.

| argument | environment | value | default | what it does |
|---|---|---|---|---|
${rows.join('\n')}

Variables of the operator's command ([cli.md](cli.md)) begin in the same way; the controller ignores them.

## Fixed limits of the API

| limit | value |
|---|---|
| body of a request | ${API_LIMITS.bodyBytes} bytes; of an apply ${API_LIMITS.applyBytes}; in YAML ${API_LIMITS.yamlBytes} |
| nesting of a body, items of one list in it | ${API_LIMITS.bodyDepth}, ${API_LIMITS.listItems} |
| \`configSchema\` of a function, as JSON | ${API_LIMITS.configSchemaBytes} bytes |
| objects of one kind | ${API_LIMITS.objectsPerKind} |
| records of the audit log that are kept | ${API_LIMITS.auditRecords} |
| tokens | ${API_LIMITS.tokens} |
| requests that wait for a state at the same time | ${API_LIMITS.waiters.places}, of one tenant ${API_LIMITS.waiters.perTenant}, of all tenants ${API_LIMITS.waiters.tenants} |
| time that a request may wait for a state | ${API_LIMITS.waitSecondsMax} seconds, ${API_LIMITS.waitSecondsDefault} unless it says otherwise |
`;
}

/** The settings as options of a command. */
export function settingsOptions(): readonly { readonly flags: string; readonly help: string }[] {
  return SETTING_NAMES.map((name) => {
    const entry: SettingEntry = SETTINGS[name];
    const plain = `${describeType(entry.type)}; default ${defaultOf(entry)}`.replaceAll('`', '');
    return { flags: `--${name} <value>`, help: `${entry.help} (${plain})` };
  });
}

/** The settings as lines for a terminal. */
export function settingsHelp(): string {
  return SETTING_NAMES.map((name) => {
    const entry: SettingEntry = SETTINGS[name];
    const plain = `${describeType(entry.type)}; default ${defaultOf(entry)}`.replaceAll('`', '');
    return `  --${name}=...\n      ${entry.help}\n      (${plain})`;
  }).join('\n');
}

function defaultOf(entry: SettingEntry): string {
  if (entry.default === '') return 'none';
  return entry.defaultMeans ?? `\`${String(entry.default)}\``;
}

if (import.meta.main) process.stdout.write(settingsMarkdown());
