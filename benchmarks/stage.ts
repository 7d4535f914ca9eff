/** Measures all subjects of one underlay: their labs stand side by side, and the rounds alternate. */
import { Lab } from '../daemon/lab/lab.ts';
import { ping } from '../daemon/lab/ping.ts';
import { waitFor } from '../daemon/lab/wait-for.ts';
import type { Clock } from '../dataplane/clock.ts';
import { IDLE_METRICS, measureIdle } from './measures/idle.ts';
import type { Sample } from './measures/measure.ts';
import { type Cell, cellSeconds, type Stage } from './plan.ts';
import type { Progress } from './progress.ts';
import type { Omission, Result } from './results.ts';
import type { Path, Subject } from './subjects/subject.ts';

/** A cell that failed so often is left alone for the rest of the run. */
const PATIENCE = 2;

export interface StageModules {
  readonly clock: Clock;
  readonly progress: Progress;
  /** Told at once, because a run is long. */
  readonly omit: (omission: Omission) => void;
}

export class StageRun {
  private readonly modules: StageModules;
  private readonly stage: Stage;
  private readonly rounds: number;
  private readonly paths = new Map<Subject, Path>();
  private readonly labs: Lab[] = [];
  private readonly failures = new Map<Cell, number>();
  /** `subject metric` → samples. */
  private readonly samples = new Map<string, (number | null)[]>();

  constructor(modules: StageModules, options: { readonly stage: Stage; readonly rounds: number }) {
    this.modules = modules;
    this.stage = options.stage;
    this.rounds = options.rounds;
  }

  async measure(): Promise<Result[]> {
    try {
      for (const [index, subject] of this.stage.subjects.entries()) await this.build(subject, index);
      for (let round = 1; round <= this.rounds; round++) {
        for (const cell of this.stage.cells) await this.sample(cell, round);
      }
      if (this.stage.idleSeconds > 0) await this.idle();
      return this.results();
    } finally {
      for (const lab of this.labs) await lab.destroy();
    }
  }

  private async build(subject: Subject, index: number): Promise<void> {
    const { progress, omit } = this.modules;
    const { underlay } = this.stage;
    progress.at(`${underlay.id}: building ${subject.name}`);
    const lab = await Lab.create({ name: `bench${index}`, ...underlay.lab });
    this.labs.push(lab);
    try {
      const path = await subject.build(lab);
      await waitFor(
        async () => (await ping(path.client, path.address, { count: 1, waitS: 1 })).received === 1,
        {
          what: `an answer through ${subject.name}`,
          timeoutMs: 20_000,
        },
      );
      this.paths.set(subject, path);
    } catch (error) {
      omit({ subject: subject.name, what: `everything on ${underlay.id}`, reason: firstLine(error) });
      progress.note(lab.report());
    }
  }

  private async sample(cell: Cell, round: number): Promise<void> {
    const { progress, omit } = this.modules;
    const { subject, measure, seconds } = cell;
    const { underlay } = this.stage;
    const path = this.paths.get(subject);
    let sample: Sample = {};
    const failures = this.failures.get(cell) ?? 0;
    if (path !== undefined && failures < PATIENCE) {
      progress.at(`${underlay.id}, round ${round} of ${this.rounds}: ${measure.id} of ${subject.name}`);
      try {
        sample = await measure.run(path, seconds);
      } catch (error) {
        this.failures.set(cell, failures + 1);
        const what = `${underlay.id}, ${measure.id}, round ${round}`;
        omit({ subject: subject.name, what, reason: firstLine(error) });
      }
    }
    for (const { id } of measure.metrics) this.record(subject, id, sample[id]);
    progress.finish(cellSeconds(cell));
  }

  private async idle(): Promise<void> {
    const { progress, clock } = this.modules;
    progress.at(`${this.stage.underlay.id}: watching idle daemons`);
    const subjects = [...this.paths.keys()];
    const samples = await measureIdle([...this.paths.values()], this.stage.idleSeconds, clock);
    for (const [i, subject] of subjects.entries())
      for (const { id } of IDLE_METRICS) this.record(subject, id, samples[i]?.[id]);
    progress.finish(this.stage.idleSeconds);
  }

  private record(subject: Subject, metric: string, value: number | undefined): void {
    const key = `${subject.name}\n${metric}`;
    // A ratio of nothing to nothing, such as packets in a send where nothing was sent.
    const sample = value === undefined || !Number.isFinite(value) ? null : value;
    this.samples.set(key, [...(this.samples.get(key) ?? []), sample]);
  }

  private results(): Result[] {
    return [...this.samples].flatMap(([key, samples]) => {
      const [subject = '', metric = ''] = key.split('\n');
      const known = samples.some(sample => sample !== null);
      return known ? [{ underlay: this.stage.underlay.id, metric, subject, samples }] : [];
    });
  }
}

function firstLine(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.split('\n', 1)[0] ?? '';
}
