import { TextError } from './error.ts';

/** Cuts at commas (and blanks, if asked for) that are outside parentheses and brackets. */
export function splitOutside(text: string, separators: ',' | ', '): string[] {
  const parts: string[] = [];
  let depth = 0;
  let part = '';
  for (const char of text) {
    if ('([{'.includes(char)) depth++;
    if (')]}'.includes(char)) depth--;
    if (depth < 0) throw new TextError(`a closing ${char} too many in: ${text}`);
    if (depth === 0 && separators.includes(char)) {
      if (part !== '') parts.push(part);
      part = '';
    } else part += char;
  }
  if (depth > 0) throw new TextError(`not closed: ${text}`);
  if (part !== '') parts.push(part);
  return parts;
}
