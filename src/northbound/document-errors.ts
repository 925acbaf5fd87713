/**
 * The table of errors as people read it. `node src/northbound/document-errors.ts > docs/errors.md` writes the
 * page again.
 */
import { ERRORS, type ErrorCode, type ErrorEntry } from '../model/errors.ts';

/** The whole of docs/errors.md. */
export function errorsMarkdown(): string {
  const entries = Object.entries(ERRORS) as [ErrorCode, ErrorEntry][];
  const sections = entries
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(
      ([code, { status, title, remedy }]) => `## ${code}\n\n${title}. HTTP status ${status}.\n\n${remedy}\n`,
    );
  return `# Errors

Every error of the API is a problem (RFC 9457): \`application/problem+json\` with \`type\`, \`title\`, \`status\`,
\`detail\`, \`code\`, \`remedy\`, and \`instance\`, which names the request and is in the log as \`reqId\`. Where single
places of the body are at fault, \`faults\` has each with a JSON pointer and a sentence. \`GET /problems/{code}\`
answers what stands here. The same codes are used for what goes wrong at the start and in the log.

${sections.join('\n')}`;
}

if (import.meta.main) process.stdout.write(errorsMarkdown());
