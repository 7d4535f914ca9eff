import type { Host } from './host.ts';

/** What one end saw of the flows of the other. */
export interface FlowOrderReport {
  /** Flows of which something came. */
  readonly flows: number;
  readonly sent: number;
  readonly received: number;
  /** Datagrams that came behind a later one of their flow. */
  readonly overtaken: number;
  /** Datagrams that came twice in a row. */
  readonly doubled: number;
}

export interface FlowOrderEnd {
  readonly host: Host;
  readonly address: string;
}

/** The slowest machine that is still worth a test: a thousand datagrams a second. */
const TIMEOUT_MS = 90_000;

/** Sends many UDP flows both ways at once; what arrived at each of the two ends. `runs`: of eight datagrams, for each flow. */
export async function flowOrder(
  ends: readonly [FlowOrderEnd, FlowOrderEnd],
  options: { readonly flows: number; readonly runs: number },
): Promise<readonly FlowOrderReport[]> {
  const { flows, runs } = options;
  const [one, other] = ends;
  const first = await one.host.startTool('flow-order', [other.address, flows, runs, 'first']);
  try {
    const second = await other.host.startTool('flow-order', [one.address, flows, runs, 'second']);
    const reports = [];
    for (const process of [first, second]) {
      await process.waitForOutput('"overtaken"', TIMEOUT_MS);
      reports.push(JSON.parse(process.stdout.split('\n')[1] ?? '') as FlowOrderReport);
    }
    return reports;
  } finally {
    first.signal('SIGKILL');
  }
}
