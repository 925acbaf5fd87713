/**
 * /v1/backup: the store as it is now, as a file.
 */
import { createReadStream, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { ChainstitchError } from '../model/errors.ts';
import type { Context } from './context.ts';

export function registerBackup(app: FastifyInstance, { store, log }: Context): void {
  let isUnderWay = false;
  app.get('/v1/backup', async (request, reply) => {
    if (isUnderWay) {
      reply.header('retry-after', '5');
      throw new ChainstitchError('too-many-requests', 'a backup is under way; one at a time');
    }
    isUnderWay = true;
    const directory = mkdtempSync(join(tmpdir(), 'chainstitch-backup-'));
    const end = (): void => {
      isUnderWay = false;
      rmSync(directory, { recursive: true, force: true });
    };
    try {
      const file = join(directory, 'store.db');
      await store.backup(file);
      const { size } = statSync(file);
      log.info({ bytes: size, by: request.principal.id, reqId: request.id }, 'backup made');
      const stream = createReadStream(file);
      // However the request ends: what was sent is of no more use then.
      stream.once('close', end);
      reply.raw.once('close', () => stream.destroy());
      return reply.type('application/vnd.sqlite3').header('content-length', size).send(stream);
    } catch (error) {
      end();
      throw error;
    }
  });
}
