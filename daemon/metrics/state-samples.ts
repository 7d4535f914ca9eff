/** Whether the state can be written, as metrics. */
import type { StateReport } from '../state-watch.ts';
import { type Sample, sample } from './samples.ts';

export function stateSamples({ refused, failures }: StateReport): Sample[] {
  return [
    sample('weft_state_refused_files', refused.length, {}),
    sample('weft_state_write_failures_total', failures, {}),
  ];
}
