/**
 * What bench/api.ts asks: the API and the control loop over a store, without switches, or a bare fastify route. Prints
 * a line of JSON once it listens. Arguments: `bare`, or `api` and the file of the store.
 */
import { fastify } from 'fastify';
import { openStore } from '../src/store/store.ts';
import { serveAlone } from '../test/harness/api-alone.ts';
import { subscriber } from './api-objects.ts';

const [what = '', file = ''] = process.argv.slice(2);
const begin = performance.now();
const host = '127.0.0.1';

async function bare(): Promise<string> {
  const app = fastify();
  const meta = {
    uid: 5,
    generation: 1,
    createdAt: '2026-01-01T00:00:00.000Z',
    updatedAt: '2026-01-01T00:00:00.000Z',
  };
  const object = { ...meta, spec: subscriber(0) };
  const page = { items: Array.from({ length: 100 }, (_, i) => ({ ...meta, spec: subscriber(i) })) };
  app.get('/one', async () => object);
  app.get('/page', async () => page);
  app.post('/one', async (_request, reply) => reply.code(201).send(object));
  return app.listen({ host, port: 0 });
}

const url =
  what === 'bare' ? await bare() : await serveAlone(openStore(file), { builtIns: [], drainTime: 1000 });
const milliseconds = Math.round(performance.now() - begin);
const megabytes = Math.round(process.memoryUsage().rss / 1e6);
process.stdout.write(`${JSON.stringify({ url, milliseconds, megabytes })}\n`);
