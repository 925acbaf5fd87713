/** A Dockerfile as a list of instructions, as far as ours go. */

export type Instruction = { readonly name: string; readonly text: string; readonly words: readonly string[] };

export function parseDockerfile(source: string): readonly Instruction[] {
  const lines = source.split('\n').filter((line) => !/^\s*#/.test(line));
  return lines
    .join('\n')
    .replace(/\\\n/g, ' ')
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => {
      const [, name = '', text = ''] = /^\s*([A-Z]+)\s+(.*)$/.exec(line) ?? [];
      return { name, text: text.trim(), words: text.trim().split(/\s+/) };
    });
}
