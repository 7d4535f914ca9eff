/** What the log has written and left out, as metrics. */
import { LOG_LEVELS, type LogLevel } from '../log-fields.ts';
import { type Sample, sample } from './samples.ts';

export interface LogCounts {
  readonly lines: ReadonlyMap<LogLevel, number>;
  /** Event → lines that were left out. */
  readonly suppressed: ReadonlyMap<string, number>;
}

export function logSamples(counts: LogCounts | undefined): Sample[] {
  if (counts === undefined) return [];
  return [
    ...LOG_LEVELS.map(level => sample('weft_log_lines_total', counts.lines.get(level) ?? 0, { level })),
    ...[...counts.suppressed].map(([event, count]) =>
      sample('weft_log_suppressed_lines_total', count, { event }),
    ),
  ];
}
