import type { WebhookSpec } from '../../model/declared.ts';
import type { Objections } from './world.ts';

/** Whether the address is a public one is looked at with each delivery: a name can lead elsewhere at any time. */
export function admitWebhook(spec: WebhookSpec, objections: Objections): void {
  const url = URL.canParse(spec.url) ? new URL(spec.url) : undefined;
  if (url === undefined || !['http:', 'https:'].includes(url.protocol)) {
    objections.add('invalid-body', '/url', 'has to be a URL that begins with https:// or http://');
  } else if (url.username !== '' || url.password !== '') {
    objections.add(
      'invalid-body',
      '/url',
      'has a user name or password; deliveries are signed with `secret` instead',
    );
  }
}
