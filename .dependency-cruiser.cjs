/**
 * Who may import whom: the table of ARCHITECTURE.md as rules. A folder of src/ may import itself and what
 * `mayImport` lists for it; everything else inside the project is an error.
 */
const mayImport = {
  model: [],
  compiler: ['model'],
  control: ['model', 'compiler'],
  store: ['model'],
  southbound: ['model', 'telemetry'],
  nf: ['model', 'telemetry'],
  northbound: ['model'],
  telemetry: ['model'],
  tls: ['model'],
  config: ['model'],
  cli: ['model', 'compiler'],
  web: ['model'],
};

const folderRules = Object.entries(mayImport).map(([folder, allowed]) => ({
  name: `${folder}-imports`,
  comment: `src/${folder} may import only: ${[folder, ...allowed].join(', ')}`,
  severity: 'error',
  from: { path: `^src/${folder}/` },
  to: { path: '^src/', pathNot: `^src/(${[folder, ...allowed].join('|')})/` },
}));

const pure = '^(fs|net|tls|http|https|child_process|dgram|os|timers|worker_threads|node:.*|pino|fastify)$';

module.exports = {
  forbidden: [
    ...folderRules,
    {
      name: 'openflow-stands-alone',
      comment: 'ts-openflow is values and bytes only: it imports nothing but itself',
      severity: 'error',
      from: { path: '^ts-openflow/src/', pathNot: '^ts-openflow/src/cli/' },
      to: { pathNot: '^ts-openflow/src/' },
    },
    {
      name: 'openflow-users',
      comment: 'southbound speaks OpenFlow and compiler writes flows; model uses the types alone',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(southbound|compiler|model)/' },
      to: { path: '^ts-openflow/' },
    },
    {
      name: 'openflow-types-in-model',
      comment: 'model uses the types of ts-openflow and nothing of it at run time',
      severity: 'error',
      from: { path: '^src/model/' },
      to: { path: '^ts-openflow/', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'pure-folders',
      comment: 'model and compiler do no I/O',
      severity: 'error',
      from: { path: '^src/(model|compiler)/' },
      to: { path: pure },
    },
    {
      name: 'control-has-no-sockets',
      severity: 'error',
      from: { path: '^src/control/' },
      to: { path: '^(fastify|(node:)?(net|tls|http|https|dgram|child_process))$' },
    },
    {
      name: 'main-is-the-top',
      comment:
        'only main.ts and offline.ts see all; nothing imports them but the command, which is above them',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(main|offline|chainstitch)\\.ts$' },
      to: { path: '^src/(main|offline)\\.ts$' },
    },
    {
      name: 'no-cycles',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    { name: 'no-unresolved', severity: 'error', from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      extensions: ['.ts', '.js', '.json'],
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
    },
  },
};
