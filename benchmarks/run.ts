/**
 * `npm run bench [-- OPTIONS]`: measures every subject in turn, round after round, and prints ratios. options.ts has
 * the options, plan.ts what is measured by default; `scale` as the first word measures curves instead (scale/).
 * For docs/benchmarks: `npm run bench -- --peers all --write` measures everything but the curves, `scale --write` those.
 */
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Lab } from '../daemon/lab/lab.ts';
import { runCommand } from '../daemon/lab/run-command.ts';
import { systemClock } from '../dataplane/clock.ts';
import { WeftError } from '../dataplane/errors.ts';
import { aboutMachine, missingPrograms } from './machine.ts';
import { METRICS } from './measures/catalogue.ts';
import { type Options, parseOptions, USAGE } from './options.ts';
import { makePlan, type Plan, quickPeers } from './plan.ts';
import { duration, Progress } from './progress.ts';
import { jsonOf, publish } from './publish.ts';
import { textReport } from './report.ts';
import type { Omission, Result, Run } from './results.ts';
import { main as measureScale } from './scale/main.ts';
import { StageRun } from './stage.ts';
import { baseSubjects, PEERS } from './subjects/catalogue.ts';
import type { Subject } from './subjects/subject.ts';

const REPOSITORY = new URL('../../', import.meta.url);

async function main(args: readonly string[]): Promise<number> {
  if (args[0] === 'scale') {
    await measureScale(args.slice(1));
    return 0;
  }
  const options = parseOptions(args);
  if (options.help) {
    process.stdout.write(USAGE);
    return 0;
  }
  Lab.sweep();
  const omissions: Omission[] = [];
  const peers = await choosePeers(options, omissions);
  const base = baseSubjects(options.variants);
  const plan = planOf(options, base, peers);
  const subjects = [...base, ...peers].filter(subject =>
    plan.stages.some(stage => stage.subjects.includes(subject)),
  );
  const about = await aboutMachine(subjects, systemClock);
  const progress = new Progress({ output: process.stderr, clock: systemClock }, { expected: plan.seconds });
  progress.note(announcement(plan));
  for (const omission of omissions) progress.note(`${omission.subject} is left out: ${omission.reason}`);
  const start = systemClock.now();
  const results: Result[] = [];
  for (const stage of plan.stages) {
    const omit = (omission: Omission) => {
      omissions.push(omission);
      progress.note(`${omission.subject}, ${omission.what}: ${omission.reason}`);
    };
    const modules = { clock: systemClock, progress, omit };
    results.push(...(await new StageRun(modules, { stage, rounds: plan.rounds }).measure()));
  }
  progress.end();
  const minutes = (systemClock.now() - start) / 60_000;
  const measured = plan.stages.map(({ underlay: { id, meaning } }) => ({ id, meaning }));
  const run: Run = {
    about: { ...about, command: args.map(quoted).join(' '), rounds: plan.rounds, minutes },
    underlays: measured,
    subjects: subjects.map(({ name, meaning }) => ({ name, meaning })),
    metrics: METRICS.filter(({ id }) => results.some(({ metric }) => metric === id)),
    results,
    omissions,
  };
  process.stdout.write(`${textReport(run)}\n`);
  if (options.jsonFile !== undefined) writeFileSync(options.jsonFile, jsonOf(run));
  if (options.write) publish(run);
  // A peer that cannot run here is a fact about the peer; weft or the kernel failing is a failure.
  return omissions.some(({ subject }) => base.some(({ name }) => name === subject)) ? 1 : 0;
}

async function choosePeers({ peers, wishes }: Options, omissions: Omission[]): Promise<readonly Subject[]> {
  if (peers === 'none') return [];
  if (peers === 'all') {
    const script = fileURLToPath(new URL('daemon/lab/prepare.sh', REPOSITORY));
    const { stderr } = await runCommand('sh', [script, 'peers'], { timeoutMs: 600_000, check: false });
    process.stderr.write(stderr);
  }
  const wanted = wishes.quick && wishes.only === undefined ? quickPeers(PEERS) : PEERS;
  return wanted.filter(subject => {
    const missing = missingPrograms(subject);
    if (missing.length === 0) return true;
    const advice = peers === 'all' ? 'Debian has no package of it here' : '--peers all installs it';
    const reason = `${missing.join(' and ')} not installed; ${advice}`;
    omissions.push({ subject: subject.name, what: 'everything', reason });
    return false;
  });
}

function planOf({ wishes }: Options, base: readonly Subject[], peers: readonly Subject[]): Plan {
  try {
    return makePlan(wishes, base, peers);
  } catch (error) {
    if (error instanceof RangeError) throw new WeftError('invalid_argument', error.message);
    throw error;
  }
}

function announcement({ stages, rounds, seconds }: Plan): string {
  const what = stages.map(({ underlay, subjects }) => `${underlay.id} (${subjects.length} subjects)`);
  return `${rounds} rounds on ${what.join(', ')}; about ${duration(seconds)}`;
}

/** As one would have to type it. */
function quoted(argument: string): string {
  return /^[\w.,:=/@%+-]+$/.test(argument) ? argument : `'${argument.replaceAll("'", "'\\''")}'`;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(
    `${error instanceof WeftError ? error.line : error instanceof Error ? error.message : error}\n`,
  );
  process.exitCode = 1;
}
