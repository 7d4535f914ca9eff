/** What a leak would show in. */
import { readdirSync } from 'node:fs';

export interface ProcessState {
  readonly descriptors: number;
  /** libuv handles of this thread that are not closed. */
  readonly handles: number;
}

interface DiagnosticReport {
  readonly libuv: readonly { readonly type: string }[];
}

export function processState(): ProcessState {
  const report = process.report.getReport() as unknown as DiagnosticReport;
  return {
    descriptors: readdirSync('/proc/self/fd').length,
    handles: report.libuv.filter(({ type }) => type === 'poll' || type === 'timer').length,
  };
}

/** Lets the loop turn, so that it calls the close callbacks of handles. */
export function loopTurn(): Promise<void> {
  return new Promise(resolve => {
    setImmediate(resolve);
  });
}
