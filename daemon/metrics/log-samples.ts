/** What the log has written and left out, as metrics. */
import type { LogCounts } from '../log.ts';
import { LOG_LEVELS } from '../log-fields.ts';
import { type Sample, sample } from './samples.ts';

export function logSamples(counts: LogCounts): Sample[] {
  return [
    ...LOG_LEVELS.map(level => sample('weft_log_lines_total', counts.lines.get(level) ?? 0, { level })),
    ...[...counts.suppressed].map(([event, count]) =>
      sample('weft_log_suppressed_lines_total', count, { event }),
    ),
  ];
}
