/** docs/benchmarks: what the last runs with `--write` have left there, and the report that says it. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { pictures } from './pictures.ts';
import { markdownReport } from './report.ts';
import type { Run } from './results.ts';
import { readScaleResults } from './scale-results.ts';

export const DOCS = new URL('../../docs/benchmarks/', import.meta.url);

/** Renews all that tells of a run. */
export function publish(run: Run, docs = DOCS): void {
  mkdirSync(docs, { recursive: true });
  writeFileSync(new URL('results.json', docs), jsonOf(run));
  // Those of a run with other underlays or peers would stand beside figures that they do not show.
  for (const name of readdirSync(docs))
    if (name.endsWith('.svg') && !/^(scale|gossip)-/.test(name)) rmSync(new URL(name, docs));
  for (const [name, svg] of pictures(run)) writeFileSync(new URL(name, docs), svg);
  writeReport(run, docs);
}

/** Writes the report again, after the curves were measured anew. Without a run there is none. */
export function renewReport(docs = DOCS): void {
  const file = new URL('results.json', docs);
  if (existsSync(file)) writeReport(JSON.parse(readFileSync(file, 'utf8')) as Run, docs);
}

export function jsonOf(run: Run): string {
  return `${JSON.stringify(run, undefined, 1)}\n`;
}

function writeReport(run: Run, docs: URL): void {
  const scale = readScaleResults(new URL('scale.json', docs));
  writeFileSync(new URL('README.md', docs), markdownReport(run, [...pictures(run).keys()], scale));
}
