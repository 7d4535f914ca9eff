/** A dataplane that answers what it was given to whoever reads it. */
import type { Answers, DataplaneCounters } from '../../dataplane/commands.ts';
import type { Dataplane, DataplaneCommands } from '../../dataplane/dataplane.ts';
import type { PortCounters } from '../../dataplane/ports.ts';

const NOTHING: PortCounters = {
  rxFrames: 0,
  rxBytes: 0,
  rxBatches: 0,
  rxBadGeometry: 0,
  rxTruncated: 0,
  rxErrors: 0,
  txFrames: 0,
  txBytes: 0,
  txBatches: 0,
  txErrors: 0,
  rxQueueOverflow: 0,
  txSegments: 0,
  txGsoSends: 0,
  txGsoError: 0,
  txTsoError: 0,
  txUsoError: 0,
  rxGroError: 0,
  rxMessages: 0,
  rxMerged: 0,
  txGsoRefused: 0,
  txTunnelFrames: 0,
  txTunnelError: 0,
  txTunnelLost: 0,
  ringError: 0,
};

/** Nothing has happened yet. */
export const NO_COUNTS: DataplaneCounters = { underlay: NOTHING, ports: [], drops: [], answered: [] };

type Reading = 'readCounters' | 'readTable' | 'readClaims';

export class FakeDataplane implements Pick<Dataplane, 'run' | 'workerCount'> {
  readonly workerCount = 1;
  private readonly answers: Pick<Answers, Reading>;

  constructor(answers: Partial<Pick<Answers, Reading>> = {}) {
    this.answers = { readCounters: NO_COUNTS, readTable: [], readClaims: [], ...answers };
  }

  run<Name extends keyof DataplaneCommands>(name: Name): Promise<Answers[Name]> {
    if (!(name in this.answers)) return Promise.reject(new Error(`${name} is no question`));
    return Promise.resolve(this.answers[name as Name & Reading]);
  }
}
