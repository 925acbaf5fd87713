/**
 * The metrics as people read them: `node src/telemetry/document.ts > docs/metrics.md` writes the page again.
 */
import { createMetrics } from './metrics.ts';
import { METRICS, type MetricEntry } from './metrics-table.ts';

/** The whole of docs/metrics.md. */
export function metricsMarkdown(): string {
  const own = Object.entries(METRICS).map(([name, entry]: [string, MetricEntry]) => {
    const labels = (entry.labels ?? []).map((label) => `\`${label}\``).join(', ') || '-';
    return `| \`${name}\` | ${entry.type} | ${labels} | ${entry.help} |`;
  });
  const process = createMetrics({ version: '' })
    .registry.getMetricsAsArray()
    .filter(({ name }) => !Object.hasOwn(METRICS, name))
    .map(({ name, help, type }) => `| \`${name}\` | ${type} | ${help} |`)
    .sort();
  return `# Metrics

\`GET /metrics\` answers them in Prometheus' text format; where callers have to say who they are, a token of scope
\`read\` will do. Times are in seconds. Labels have few values, and all of them are ours: a client of the API or a switch
cannot make new ones, and what is deleted takes its series along.

| metric | type | labels | what it says |
|---|---|---|---|
${own.join('\n')}

A histogram has the series \`_bucket\`, \`_sum\` and \`_count\`.

## The process

prom-client's own. They tell how busy the controller is: \`nodejs_eventloop_lag_seconds\` first of all.

| metric | type | what it says |
|---|---|---|
${process.join('\n')}

## Health

\`GET /healthz\` answers 200 while the process can answer. \`GET /readyz\` answers 200 when the store is open, the control
loop turns and has found what an earlier run left, and switches can connect; else 503 with \`faults\` that name each
thing that is missing.
`;
}

if (import.meta.main) process.stdout.write(metricsMarkdown());
