/** What gossip must show (issue 4): data only. */
import { atSize } from '../scale-results.ts';
import type { Target } from '../targets.ts';
import {
  CLAIM_MISSING,
  CLAIM_P99,
  DEATH,
  DEATH_ALL,
  DEATH_P99,
  FALSE_BY_HEALTHY,
  FALSE_DEATHS,
  lossName,
  SUSPICION_LONGEST,
} from './measures.ts';

/** There is one underlay: the simulator's network. */
export const SIMULATED = 'simulated';

const AT = 1000;

export const GOSSIP_TARGETS: readonly Target[] = [
  ...[
    { loss: 0, ms: 1000 },
    { loss: 0.2, ms: 3000 },
  ].map(({ loss, ms }) => ({
    title: 'From attaching until usable, p99, ms',
    underlay: SIMULATED,
    metric: CLAIM_P99.id,
    subject: atSize(lossName(loss), AT),
    bound: { atMost: ms },
  })),
  ...[0, 0.2].map(loss => ({
    title: 'Claims that a node has not heard of within 30 s',
    underlay: SIMULATED,
    metric: CLAIM_MISSING.id,
    subject: atSize(lossName(loss), AT),
    bound: { atMost: 0 },
  })),
  ...[DEATH_P99, DEATH_ALL].map(series => ({
    title: 'Death, within the bound of suspicion',
    underlay: SIMULATED,
    metric: DEATH.id,
    subject: atSize(series, AT),
    against: atSize(SUSPICION_LONGEST, AT),
    bound: { atMost: 1 },
  })),
  {
    title: 'False deaths under 5 % loss and 30 s pauses of 5 %',
    underlay: SIMULATED,
    metric: FALSE_DEATHS.id,
    subject: atSize(FALSE_BY_HEALTHY, AT),
    bound: { atMost: 0 },
  },
];
