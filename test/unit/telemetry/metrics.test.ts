import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import t from 'tap';
import type { DesiredSwitch } from '../../../src/model/desired.ts';
import type { Dpid } from '../../../src/model/ids.ts';
import { EMPTY_STEERING } from '../../../src/model/steering.ts';
import { metricsMarkdown } from '../../../src/telemetry/document.ts';
import { createMetrics, type Metrics, type Observed } from '../../../src/telemetry/metrics.ts';
import { METRIC_NAMES } from '../../../src/telemetry/metrics-table.ts';
import { chain, DPID, declare, factsOf, hop } from '../world.ts';

const world = (): Observed => ({
  declared: declare([chain([hop('firewall')])]),
  steering: EMPTY_STEERING,
  chains: () => undefined,
  instances: [],
  switches: factsOf(EMPTY_STEERING).switches,
  desired: [{ dpid: DPID, digest: 'd', flows: [{}, {}] } as unknown as DesiredSwitch],
  waiting: 3,
});

function busy(): Metrics {
  const metrics = createMetrics({ version: '1.2.3' });
  const { meters } = metrics;
  meters.turned({ all: 2, compile: 1 });
  meters.stored(0.4);
  meters.answered({ method: 'GET', route: '/v1/chains', status: 200, ms: 3 });
  meters.answered({ method: 'BREW', route: 'none', status: 405, ms: 1 });
  meters.looked(DPID, { held: 7, changes: 2, why: 'news' });
  meters.looked(DPID, { held: 9, changes: 1, why: 'repair' });
  meters.bundled(12, 'committed');
  meters.packetInsDropped(40);
  meters.booted(50, 'tcg');
  return metrics;
}

t.test('docs/metrics.md is what the registry has', async (t) => {
  const page = readFileSync(new URL('../../../docs/metrics.md', import.meta.url), 'utf8');
  t.equal(page, metricsMarkdown(), 'node src/telemetry/document.ts > docs/metrics.md');
});

t.test('what is told and what is read', async (t) => {
  const metrics = busy();
  metrics.observe(world);
  const { text, contentType } = await metrics.expose();
  t.match(contentType, /^text\/plain; version=0\.0\.4/);
  for (const line of [
    'chainstitch_info{version="1.2.3"} 1',
    'chainstitch_loop_seconds_count 1',
    'chainstitch_store_write_seconds_bucket{le="0.0005"} 1',
    'chainstitch_api_requests_total{method="GET",route="/v1/chains",status="200"} 1',
    'chainstitch_api_requests_total{method="other",route="none",status="405"} 1',
    'chainstitch_objects{kind="subscribers"} 2',
    'chainstitch_chains{phase="pending"} 1',
    'chainstitch_chains{phase="active"} 0',
    'chainstitch_switch_sessions 1',
    'chainstitch_switch_connected{switch="s1"} 1',
    'chainstitch_switch_in_force{switch="s1"} 0',
    'chainstitch_switch_flows_wanted{switch="s1"} 2',
    'chainstitch_switch_flows_held{switch="s1"} 9',
    'chainstitch_switch_changes_total{switch="s1",why="news"} 2',
    'chainstitch_switch_changes_total{switch="s1",why="repair"} 1',
    'chainstitch_bundle_seconds_count{outcome="committed"} 1',
    'chainstitch_packet_ins_dropped_total 40',
    'chainstitch_instance_boot_seconds_count{kind="tcg"} 1',
    'chainstitch_api_waiting 3',
  ]) {
    t.ok(text.split('\n').includes(line), line);
  }
  for (const name of METRIC_NAMES) t.ok(text.includes(`# TYPE ${name} `), name);
  const again = (await metrics.expose()).text;
  t.ok(
    again.includes('chainstitch_switch_changes_total{switch="s1",why="news"} 2\n'),
    'reading changes nothing',
  );
});

t.test('what is deleted takes its series along, and strangers have none', async (t) => {
  const metrics = busy();
  for (let i = 0; i < 100; i++) {
    metrics.meters.looked(`${i}`.padStart(16, 'f') as Dpid, { held: 1, changes: 1, why: 'news' });
  }
  metrics.observe(world);
  t.match((await metrics.expose()).text, /switch="s1"/);
  metrics.observe(() => ({ ...world(), declared: { ...world().declared, switches: new Map() } }));
  t.notMatch((await metrics.expose()).text, /switch="/);
});

t.test('promtool finds nothing wrong', async (t) => {
  const metrics = busy();
  metrics.observe(world);
  const { text } = await metrics.expose();
  const judge = (input: string) => spawnSync('promtool', ['check', 'metrics'], { input, encoding: 'utf8' });
  const { error, stderr } = judge(text);
  if (error !== undefined) return t.comment('promtool is not installed');
  // Names of prom-client's own that ought to be others.
  const found = stderr.split('\n').filter((line) => line !== '' && !line.startsWith('nodejs_active_'));
  t.same(found, []);
  t.not(judge('# TYPE a_total gauge\na_total 1\n').status, 0, 'it finds what is wrong');
});
