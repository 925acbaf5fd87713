/**
 * Server-sent events (WHATWG HTML, section 9.2) from pieces of text, as far as this API uses them.
 */

export type StreamEvent = { readonly name: string; readonly id: string; readonly data: string };

/** An event larger than this is none of ours. */
const MOST_CHARACTERS = 4_194_304;

export class EventParser {
  #rest = '';
  #lastId = '';

  /** The events that are whole with this piece. @throws RangeError for one that is too large */
  take(piece: string): readonly StreamEvent[] {
    const blocks = (this.#rest + piece).split('\n\n');
    this.#rest = blocks.pop() ?? '';
    if (this.#rest.length > MOST_CHARACTERS) throw new RangeError('an event is larger than any should be');
    return blocks.flatMap((block) => this.#parse(block));
  }

  #parse(block: string): readonly StreamEvent[] {
    let name = 'message';
    const data: string[] = [];
    for (const line of block.split('\n')) {
      const [, field, value = ''] = /^([a-z]+):(?: ?(.*))$/s.exec(line) ?? [];
      if (field === 'event') name = value;
      else if (field === 'id') this.#lastId = value;
      else if (field === 'data') data.push(value);
    }
    return data.length === 0 ? [] : [{ name, id: this.#lastId, data: data.join('\n') }];
  }
}
