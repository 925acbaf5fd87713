import { readFileSync } from 'node:fs';
import t from 'tap';
import { compile } from '../../../src/compiler/compile.ts';
import { pipelineMarkdown } from '../../../src/compiler/document.ts';
import { PIPELINE, TABLE_NAMES, tableName } from '../../../src/compiler/pipeline.ts';
import { alice, bob, chain, DPID, declare, factsOf, hop, planOf } from '../world.ts';

t.test('docs/pipeline.md says what the constant says', async (t) => {
  const page = readFileSync(new URL('../../../docs/pipeline.md', import.meta.url), 'utf8');
  t.equal(page, pipelineMarkdown(), 'node src/compiler/document.ts > docs/pipeline.md writes it again');
});

t.test('table ids are the places in the pipeline, and a frame only ever goes forward', async (t) => {
  t.strictSame(
    TABLE_NAMES.map((name) => PIPELINE[name].id),
    [...TABLE_NAMES.keys()],
  );
  for (const name of TABLE_NAMES) {
    for (const next of PIPELINE[name].goesTo)
      t.ok(PIPELINE[next].id > PIPELINE[name].id, `${name} goes to ${next}`);
  }
});

t.test('the compiled flows keep to what the constant allows', async (t) => {
  const dualStack = { ...alice, ipv6: ['2001:db8::1' as never] };
  const declared = declare([chain([hop('firewall'), hop('counter')], {}, ['alice', 'bob'])], {
    subscribers: [dualStack, bob],
  });
  const steering = planOf(declared);
  const input = {
    declared,
    steering,
    facts: factsOf(steering),
    interfacePrefix: 'cs',
    rejected: new Set<never>(),
  };
  const flows = compile(input).switches.get(DPID)?.flows ?? [];
  for (const flow of flows) {
    const name = tableName(flow.table);
    if (!name) throw new Error(`table ${flow.table} is not in the pipeline`);
    const { matches, goesTo }: { matches: readonly string[]; goesTo: readonly string[] } = PIPELINE[name];
    for (const { field } of flow.match) t.ok(matches.includes(field), `${name} matches ${field}`);
    for (const instruction of flow.instructions) {
      if (instruction.type !== 'gotoTable') continue;
      t.ok(goesTo.includes(tableName(instruction.table) ?? ''), `${name} goes to ${instruction.table}`);
    }
  }
  t.strictSame(
    new Set(flows.map((flow) => flow.table)),
    new Set(TABLE_NAMES.map((name) => PIPELINE[name].id)),
    'no table is empty',
  );
});
