import fc from 'fast-check';
import t from 'tap';
import {
  canonicalFlow,
  type Flow,
  flowBody,
  flowKey,
  type Instruction,
  type Match,
  matchField,
  parseFlow,
  ports,
  sameFlow,
} from '../src/index.ts';

const base = parseFlow(
  'table=3,priority=7,cookie=0x5,in_port=1,metadata=0x5/0xff,reg0=1,reg1=2,ip,nw_dst=10.0.0.0/8,actions=1',
);
const withMatch = (match: Match): Flow => ({ ...base, match });
const withInstructions = (...instructions: Instruction[]): Flow => ({ ...base, instructions });

t.test('what a switch may rewrite makes no difference to a match', async (t) => {
  const shuffled = fc.shuffledSubarray([...base.match], { minLength: base.match.length });
  fc.assert(fc.property(shuffled, (match) => sameFlow(withMatch(match), base)));
  const rest = base.match.filter(({ field }) => field !== 'metadata' && !field.startsWith('reg'));
  const metadata = matchField('metadata', 5, 0xff);
  const others: Match[] = [
    [...rest, metadata, matchField('xreg0', (1n << 32n) | 2n)],
    [...rest, metadata, matchField('xxreg0', ((1n << 32n) | 2n) << 64n, ((1n << 64n) - 1n) << 64n)],
    [...base.match, matchField('eth_dst', 0, 0)],
    [...base.match, matchField('packet_type', 0)],
    base.match.map((entry) => (entry.field === 'in_port' ? { ...entry, mask: 0xffffffff } : entry)),
    base.match.map((entry) => (entry.field === 'metadata' ? { ...entry, value: 0xf05n } : entry)),
    base.match.map((entry) => (entry.field === 'reg0' ? { ...entry, form: 'nxm1:0' } : entry)),
  ];
  for (const match of others) t.equal(flowKey(withMatch(match)), flowKey(base));
});

t.test('what means something else has another key', async (t) => {
  const others: Flow[] = [
    { ...base, table: 4 },
    { ...base, priority: 8 },
    withMatch(base.match.slice(1)),
    withMatch(base.match.map((entry) => (entry.field === 'metadata' ? { ...entry, value: 4n } : entry))),
    withMatch(base.match.map((entry) => (entry.field === 'metadata' ? { ...entry, mask: 0x1ffn } : entry))),
    withMatch([
      ...base.match,
      { field: 'unknown', class: 1, number: 50, hasMask: false, data: new Uint8Array(4) },
    ]),
  ];
  const keys = [base, ...others].map(flowKey);
  t.equal(new Set(keys).size, keys.length);
});

t.test('two forms of the same actions have the same body', async (t) => {
  const same = (a: string, b: string) =>
    t.equal(flowBody(parseFlow(`actions=${a}`)), flowBody(parseFlow(`actions=${b}`)), `${a} is ${b}`);
  same('set_field:0x30/0xf0->reg0', 'load:0x3->NXM_NX_REG0[4..7]');
  same('load:0x1->reg0[0..3],load:0x2->reg0[4..7]', 'set_field:0x21/0xff->reg0');
  same('set_field:5->reg0', 'load:5->NXM_NX_REG0[]');
  same('resubmit:1', 'resubmit(1,)');
  same('controller', 'CONTROLLER:65535');
  same('goto_table:5,write_metadata:0x105/0xff', 'write_metadata:0x5/0xff,goto_table:5');
  same('write_metadata:0x5/0', 'drop');
  same('output:LOCAL', 'local');
});

t.test('bodies differ where flows do', async (t) => {
  const actions = [
    'drop',
    'output:1',
    'output:2',
    'output:1,output:2',
    'output:2,output:1',
    'controller:1',
    'controller:2',
    'set_field:1->reg0',
    'set_field:1/0xff->reg0',
    'set_field:1->reg1',
    'goto_table:1',
    'goto_table:2',
    'write_metadata:1',
    'write_metadata:1/1',
    'write_actions(output:1)',
    'clear_actions',
    'ct(commit)',
    'ct(commit,table=1)',
    'ct(commit,exec(set_field:1->ct_mark))',
    'resubmit(,1)',
    'resubmit(,2)',
    'note:01',
    'note:02',
  ].map((text) => flowBody(parseFlow(`actions=${text}`)));
  t.equal(new Set(actions).size, actions.length);
  const others = [{ cookie: 6n }, { idleTimeout: 1 }, { hardTimeout: 1 }, { flags: 1 }, { importance: 1 }];
  const bodies = [base, ...others.map((change) => ({ ...base, ...change }))].map(flowBody);
  t.equal(new Set(bodies).size, bodies.length);
});

t.test('instructions that do nothing and flags that do not stay are left out', async (t) => {
  const output = { type: 'output', port: 1, maxLen: 0 } as const;
  t.ok(sameFlow(withInstructions({ type: 'applyActions', actions: [] }), withInstructions()));
  t.ok(sameFlow(withInstructions({ type: 'writeActions', actions: [] }), withInstructions()));
  t.ok(sameFlow({ ...base, flags: 6 }, base));
  const long = withInstructions({ type: 'applyActions', actions: [{ ...output, maxLen: 128 }] });
  t.ok(sameFlow(long, base));
  const meter = withInstructions({ type: 'meter', meter: 3 }, { type: 'applyActions', actions: [output] });
  const asAction = withInstructions({ type: 'applyActions', actions: [{ type: 'meter', meter: 3 }, output] });
  t.ok(sameFlow(meter, asAction));
  const controller = { ...output, port: ports.controller };
  t.notOk(sameFlow(withInstructions({ type: 'applyActions', actions: [controller] }), base));
});

t.test('a canonical flow is its own canonical form', async () => {
  t.same(canonicalFlow(canonicalFlow(base)), canonicalFlow(base));
});
