/**
 * /docs: the contract as a page. All that it needs comes from here, so that it works without the internet, and the
 * page's policy lets it load and run nothing else.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { ChainstitchError } from '../model/errors.ts';

const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  // The page sets sizes and colours on its elements.
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

const PAGE = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <title>chainstitch: the API</title>
    <link rel="stylesheet" href="/docs/swagger-ui.css">
  </head>
  <body>
    <div id="contract"></div>
    <script src="/docs/swagger-ui-bundle.js"></script>
    <script src="/docs/start.js"></script>
  </body>
</html>
`;

const START = `window.SwaggerUIBundle({
  url: '/openapi.json',
  dom_id: '#contract',
  deepLinking: true,
  docExpansion: 'none',
  defaultModelsExpandDepth: 0,
  validatorUrl: null,
});
`;

const HTML = 'text/html; charset=utf-8';
const SCRIPT = 'text/javascript; charset=utf-8';
const STYLE = 'text/css; charset=utf-8';

type File = { readonly type: string; read(): string };

export function registerDocs(app: FastifyInstance): void {
  const directory = dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'));
  const kept = new Map<string, string>();
  const fromPackage = (type: string, name: string): File => ({
    type,
    read() {
      const text = kept.get(name) ?? readFileSync(join(directory, name), 'utf8');
      kept.set(name, text);
      return text;
    },
  });
  const files: Readonly<Record<string, File>> = {
    'start.js': { type: SCRIPT, read: () => START },
    'swagger-ui-bundle.js': fromPackage(SCRIPT, 'swagger-ui-bundle.js'),
    'swagger-ui.css': fromPackage(STYLE, 'swagger-ui.css'),
  };
  app.get('/docs', async (_request, reply) => {
    reply.header('content-security-policy', POLICY).header('referrer-policy', 'no-referrer');
    return reply.type(HTML).send(PAGE);
  });
  app.get<{ Params: { file: string } }>('/docs/:file', async ({ params }, reply) => {
    const file = Object.hasOwn(files, params.file) ? files[params.file] : undefined;
    if (file === undefined) throw new ChainstitchError('not-found', `there is no file ${params.file}`);
    return reply.type(file.type).send(file.read());
  });
}
