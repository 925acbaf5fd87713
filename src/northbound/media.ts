/**
 * Which bodies a route takes. A merge patch looks like any JSON, so the type alone tells that one is meant.
 */
import type { FastifyRequest } from 'fastify';
import { ChainstitchError } from '../model/errors.ts';

export const MERGE_PATCH = 'application/merge-patch+json';

/** In the config of a route that takes a merge patch and nothing else. */
export const PATCH_CONFIG = { media: MERGE_PATCH };

/** In the config of a route whose YAML may have many documents; they are its `items`. */
export const MANY_DOCUMENTS = { documents: 'many' };

export function takesManyDocuments(request: FastifyRequest): boolean {
  return (request.routeOptions.config as { documents?: string }).documents === MANY_DOCUMENTS.documents;
}

/** @throws ChainstitchError `unsupported-media-type` */
export function checkMedia(request: FastifyRequest): void {
  const type = request.headers['content-type']?.split(';')[0]?.trim().toLowerCase();
  const { media } = request.routeOptions.config as { media?: string };
  if (type === undefined || (type === MERGE_PATCH) === (media === MERGE_PATCH)) return;
  throw new ChainstitchError(
    'unsupported-media-type',
    media === undefined ? `${type} goes with PATCH only` : `PATCH takes ${media}`,
  );
}
