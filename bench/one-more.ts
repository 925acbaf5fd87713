/**
 * One more subscriber where there are many: from the POST to its answer, which comes once the switch has answered the
 * barrier behind the flows, with 1,000 and 20,000 declared: `node bench/one-more.ts`. Other sizes may be given as
 * arguments, as in `100000` or, with how many of them chains are for and how many POSTs are measured,
 * `100000:16000:300`.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { fileURLToPath } from 'node:url';
import { subscriber } from './api-objects.ts';

/** The share that chains are for. */
const CHAINED = 1 / 6;
const POSTS = 100;
const PAUSE_MS = 20;

type Server = { readonly url: string; readonly milliseconds: number; readonly flows: number };
type Size = { readonly declared: number; readonly chained: number; readonly posts: number };

const sizeOf = (text: string): Size => {
  const [declared = 0, chained = Math.ceil(declared * CHAINED), posts = POSTS] = text.split(':').map(Number);
  return { declared, chained, posts };
};

const agent = new Agent({ keepAlive: true });
function post(url: string, body: object): Promise<string> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json' };
    const call = request(`${url}/v1/subscribers`, { method: 'POST', agent, headers }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part) => {
        text += part;
      });
      response.once('end', () => (response.statusCode === 201 ? resolve(text) : reject(new Error(text))));
    });
    call.once('error', reject);
    call.end(JSON.stringify(body));
  });
}

async function measure({ declared, chained, posts }: Size): Promise<string> {
  const path = fileURLToPath(new URL('one-more-server.ts', import.meta.url));
  const args = [...process.execArgv, '--no-warnings', path, `${declared}`, `${chained}`];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  process.once('exit', () => child.kill());
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  const { url, milliseconds, flows } = JSON.parse(line.toString()) as Server;
  const times: number[] = [];
  // Answers that the API did not want to keep any longer.
  let late = 0;
  for (let i = 0; i < posts; i++) {
    const begin = performance.now();
    const answer = await post(url, subscriber(declared + i, true));
    times.push(performance.now() - begin);
    if (!answer.includes('"closed":true')) late++;
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
  const ended = once(child, 'exit');
  child.kill();
  await ended;
  times.sort((a, b) => a - b);
  const at = (share: number): string => (times[Math.floor(times.length * share)] ?? 0).toFixed(1);
  return `| ${declared.toLocaleString('en-US')} | ${flows.toLocaleString('en-US')} | ${at(0.5)} ms | ${at(0.99)} ms | ${late} | ${milliseconds} ms |`;
}

const sizes = process.argv.length > 2 ? process.argv.slice(2) : ['1000', '20000'];
const rows: string[] = [];
for (const size of sizes) rows.push(await measure(sizeOf(size)));
process.stdout.write(`| declared | flows | POST to barrier, p50 | p99 | answered before it | start |
|---:|---:|---:|---:|---:|---:|
${rows.join('\n')}
`);
process.exit(0);
