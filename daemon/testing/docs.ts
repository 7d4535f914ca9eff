/** The documents, for tests that hold them to the code. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { packageRoot } from '../package-info.ts';

export function readDoc(name: string): Promise<string> {
  return readFile(join(packageRoot, 'docs', name), 'utf8');
}

/** The body rows of all tables below `heading` (a line such as `## Keys`) until the next heading of its level or above. */
export function tableRows(markdown: string, heading: string): readonly (readonly string[])[] {
  const level = heading.indexOf(' ');
  const [, after = ''] = markdown.split(`\n${heading}\n`);
  const [section = ''] = after.split(new RegExp(`\\n#{1,${level}} `));
  const rows = section.split('\n').filter(line => line.startsWith('|'));
  return rows.slice(2).map(row =>
    row
      .slice(1, -1)
      .split('|')
      .map(cell => cell.trim()),
  );
}

/** The text of the fenced block that begins with three backticks and `info`. */
export function fencedBlock(markdown: string, info: string): string {
  const [, body = ''] = new RegExp(`^\`\`\`${info}\\n(.*?)^\`\`\``, 'ms').exec(markdown) ?? [];
  return body;
}
