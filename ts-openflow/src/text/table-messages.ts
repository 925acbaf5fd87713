import type { MessageOf } from '../message.ts';
import { bitNames, evictionFlags } from './wording.ts';

type TableProperties = MessageOf<'tableMod'>['properties'];

/** What a table's configuration and properties say of eviction and vacancy. */
export function tableSettings(config: number, properties: TableProperties) {
  const eviction = properties.find((property) => property.type === 'eviction');
  const vacancy = properties.find((property) => property.type === 'vacancy');
  return { eviction, vacancy, evicts: (config & 4) !== 0, tells: (config & 8) !== 0 };
}

export function tableDescText(v: { table: number; config: number; properties: TableProperties }): string {
  const { eviction, vacancy, evicts, tells } = tableSettings(v.config, v.properties);
  const flags = eviction ? bitNames(eviction.flags, evictionFlags, '|') : '(default)';
  const limits = vacancy
    ? ` vacancy_down=${vacancy.down}% vacancy_up=${vacancy.up}% vacancy=${vacancy.vacancy}%`
    : '';
  return [
    `\n  table ${v.table}:`,
    `\n   eviction=${evicts ? 'on' : 'off'} eviction_flags=${flags}`,
    `\n   vacancy=${tells ? 'on' : 'off'}${tells ? limits : ''}`,
  ].join('');
}

type TableStats = MessageOf<'tableStatsReply'>['tables'];

/** Tables after one with the same counts are as one line. */
export function tableStatsTexts(tables: TableStats): string {
  const blocks: string[] = [];
  for (let from = 0; from < tables.length; ) {
    const { table, ...counts } = tables[from] as TableStats[number];
    const { activeCount, lookupCount, matchedCount } = counts;
    blocks.push(
      `\n  table ${table}:\n    active=${activeCount}, lookup=${lookupCount}, matched=${matchedCount}`,
    );
    const same = (other: TableStats[number]) =>
      other.activeCount === activeCount &&
      other.lookupCount === lookupCount &&
      other.matchedCount === matchedCount;
    let to = from + 1;
    while (to < tables.length && same(tables[to] as TableStats[number])) to++;
    const [first, last] = [tables[from + 1]?.table, tables[to - 1]?.table];
    if (to - from === 2) blocks.push(`\n  table ${first}: ditto`);
    if (to - from > 2) blocks.push(`\n  tables ${first}...${last}: ditto`);
    from = to;
  }
  return blocks.join('\n');
}
