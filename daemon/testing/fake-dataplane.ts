/** A dataplane that answers what it was given to whoever reads it. */
import type { Answers, DataplaneCounters } from '../../dataplane/commands.ts';
import type { Dataplane, DataplaneCommands } from '../../dataplane/dataplane.ts';
import { zeroCounters } from '../../dataplane/testing/memory-pump.ts';

/** Nothing has happened yet. */
export const NO_COUNTS: DataplaneCounters = {
  underlay: zeroCounters(),
  ports: [],
  drops: [],
  answered: [],
  closedPorts: [],
  tables: [],
  arenaBytes: 0,
};

type Reading = 'readCounters' | 'readTable' | 'readClaims' | 'readVteps';

export class FakeDataplane implements Pick<Dataplane, 'run' | 'workerCount'> {
  readonly workerCount = 1;
  private readonly answers: Pick<Answers, Reading>;

  constructor(answers: Partial<Pick<Answers, Reading>> = {}) {
    this.answers = { readCounters: NO_COUNTS, readTable: [], readClaims: [], readVteps: [], ...answers };
  }

  run<Name extends keyof DataplaneCommands>(name: Name): Promise<Answers[Name]> {
    if (!(name in this.answers)) return Promise.reject(new Error(`${name} is no question`));
    return Promise.resolve(this.answers[name as Name & Reading]);
  }
}
