/** What ships beside the program: it names only metrics that there are, and images by their versions. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { parse } from 'yaml';
import { parseDockerfile } from '../../../deploy/dockerfile.ts';
import { createMetrics } from '../../../src/telemetry/metrics.ts';
import { METRICS, type MetricEntry } from '../../../src/telemetry/metrics-table.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const read = (path: string): string => readFileSync(`${root}/${path}`, 'utf8');

/** Every series that the controller exposes, those of histograms by their parts. */
const SERIES = new Set(
  createMetrics({ version: '' })
    .registry.getMetricsAsArray()
    .flatMap(({ name }) =>
      (METRICS as Record<string, MetricEntry>)[name]?.type === 'histogram' ||
      name === 'nodejs_gc_duration_seconds'
        ? [`${name}_bucket`, `${name}_sum`, `${name}_count`]
        : [name],
    ),
);

/** Names of metrics in an expression that nobody exposes. */
function unknownIn(expression: string): readonly string[] {
  const names = expression.match(/\b(?:chainstitch|nodejs|process)_[a-z0-9_]+/g) ?? [];
  return names.filter((name) => !SERIES.has(name));
}

/** Everything called `expr`, at any depth. */
function expressions(value: unknown): readonly string[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inside]) =>
    key === 'expr' && typeof inside === 'string' ? [inside] : expressions(inside),
  );
}

t.test('the dashboard and the alerts ask for metrics that there are', async (t) => {
  const dashboard = expressions(JSON.parse(read('deploy/grafana/dashboards/chainstitch.json')));
  const alerts = expressions(parse(read('deploy/prometheus/alerts.yml')));
  t.ok(dashboard.length > 20 && alerts.length > 5);
  for (const expression of [...dashboard, ...alerts]) t.same(unknownIn(expression), [], expression);
  t.same(unknownIn('rate(chainstitch_loop_seconds[1m]) + chainstitch_nothing'), [
    'chainstitch_loop_seconds',
    'chainstitch_nothing',
  ]);
});

t.test('every metric of our own is on the dashboard', async (t) => {
  const text = expressions(JSON.parse(read('deploy/grafana/dashboards/chainstitch.json'))).join('\n');
  for (const name of Object.keys(METRICS)) t.ok(text.includes(name), name);
});

type Service = {
  image?: string;
  build?: unknown;
  healthcheck?: unknown;
  network_mode?: string;
  ports?: string[];
};

t.test('images have versions, and every service a health check', async (t) => {
  const { services } = parse(read('docker-compose.yml')) as { services: Record<string, Service> };
  const froms = ['controller', 'openvswitch'].map((name) =>
    parseDockerfile(read(`deploy/${name}/Dockerfile`)),
  );
  const images = [
    ...Object.values(services).map(({ image }) => image ?? ''),
    ...froms
      .flat()
      .filter(({ name }) => name === 'FROM')
      .map(({ words }) => words[0] ?? ''),
  ];
  for (const image of images) t.match(image, /:v?\d+\.\d+/, image);
  for (const [name, { build, healthcheck }] of Object.entries(services)) {
    const own = froms.flat().some(({ name }) => name === 'HEALTHCHECK') && build !== undefined;
    t.ok(own || healthcheck !== undefined, name);
  }
  for (const from of froms) t.ok(from.some(({ name }) => name === 'HEALTHCHECK'));
});

t.test('nothing listens for other hosts', async (t) => {
  const { services } = parse(read('docker-compose.yml')) as { services: Record<string, Service> };
  const ports = Object.values(services).flatMap((service) => service.ports ?? []);
  for (const port of ports) t.match(port, /^127\.0\.0\.1:/);
  const shared = Object.values(services).filter(({ network_mode }) => network_mode === 'service:openvswitch');
  t.equal(shared.length, Object.keys(services).length - 1);
});

t.test('compose takes its file', async (t) => {
  const clients = [['docker', 'compose'], ['docker-compose']] as const;
  for (const [program, ...argv] of clients) {
    const there = spawnSync(program, [...argv, 'version'], { encoding: 'utf8' });
    if (there.error !== undefined || there.status !== 0) continue;
    const { status, stderr } = spawnSync(program, [...argv, '-f', 'docker-compose.yml', 'config'], {
      cwd: root,
      encoding: 'utf8',
    });
    t.equal(status, 0, stderr);
    return;
  }
  t.comment('there is no client of compose here');
});
