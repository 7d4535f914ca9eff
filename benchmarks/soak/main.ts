/**
 * `npm run soak [-- OPTIONS]`: mixed load for ten minutes or as long as it is told, sampled all the time, and at the end whether weft
 * has kept its pace, its memory and its composure. Exit status 1: it has not; 2: the options are wrong. ADR 40 says why so.
 */
import { writeFileSync } from 'node:fs';
import { Lab } from '../../daemon/lab/lab.ts';
import { systemClock } from '../../dataplane/clock.ts';
import { elapsedLog, exitWith } from '../command-line.ts';
import { judge } from './judge.ts';
import { type Options, parseOptions } from './options.ts';
import { textReport } from './report.ts';
import { soak } from './soak.ts';

async function main(args: readonly string[]): Promise<number> {
  const options = parseOptions(args, text => process.stdout.write(text));
  if (options === undefined) return 0;
  const { jsonFile } = options;
  // Not after hours of load.
  if (jsonFile !== undefined) writeFileSync(jsonFile, '');
  return await run(options);
}

async function run(options: Options): Promise<number> {
  Lab.sweep();
  const tell = elapsedLog(systemClock, 5);
  const result = await soak({ clock: systemClock, tell }, options);
  const verdicts = judge(result);
  if (options.jsonFile !== undefined)
    writeFileSync(options.jsonFile, `${JSON.stringify({ ...result, verdicts }, undefined, 1)}\n`);
  process.stdout.write(textReport(result, verdicts));
  return verdicts.every(({ isMet }) => isMet) ? 0 : 1;
}

await exitWith(main);
