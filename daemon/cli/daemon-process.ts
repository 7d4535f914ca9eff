/** The daemon as a process: what it was started with, and how it ends at once. */
import { systemClock } from '../../dataplane/clock.ts';
import { takeRelay } from '../handover/relay.ts';
import { type DaemonOptions, runDaemon } from '../run-daemon.ts';
import type { StartNode } from '../running-node.ts';
import { takePassedDescriptors } from '../systemd/passed-descriptors.ts';
import { takeServiceManager } from '../systemd/service-manager.ts';
import { EXIT_FAILED, failureLine } from './failure.ts';

/** Runs a daemon until it is told to stop. Throws what made it fail. */
export async function runDaemonProcess(startNode: StartNode, options: DaemonOptions): Promise<void> {
  const relay = takeRelay(process.env);
  const manager = takeServiceManager(process.env, {
    pid: process.pid,
    ...(relay !== undefined && { notify: relay.notify }),
  });
  const passed = takePassedDescriptors(process.env, { pid: process.pid });
  const abort = (line: string) => {
    process.stderr.write(failureLine(line));
    process.exit(EXIT_FAILED);
  };
  await runDaemon({ startNode, clock: systemClock, manager, passed, relay, abort }, options);
}
