import type { MessageOf, MessageType } from 'ts-openflow';

export type Port = MessageOf<'portDescReply'>['ports'][number];

/** The type of message that answers a request; undefined for what is not answered unless it fails. */
export function answersOf(request: MessageType): MessageType | undefined {
  // Opening, committing and discarding a bundle are answered in kind.
  if (request === 'bundleControl') return 'bundleControl';
  return /Request$/.test(request) && request !== 'echoRequest'
    ? (request.replace(/Request$/, 'Reply') as MessageType)
    : undefined;
}
