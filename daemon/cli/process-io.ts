/** The real {@link CliIo}: this process's streams, environment and signals. */
import { systemClock } from '../../dataplane/clock.ts';
import { realHost } from '../doctor/host-port.ts';
import type { StartNode } from '../running-node.ts';
import type { CliIo } from './io.ts';

/** More is no key, in characters. */
const MAX_INPUT = 4096;

/** `startNode` is what `weft daemon` starts. */
export function processIo(startNode: StartNode): CliIo {
  return {
    stdout: process.stdout,
    stderr: process.stderr,
    env: process.env,
    workingDirectory: process.cwd(),
    clock: systemClock,
    host: realHost,
    async readInput() {
      let text = '';
      for await (const chunk of process.stdin) {
        text += String(chunk);
        if (text.length > MAX_INPUT) break;
      }
      return text.slice(0, MAX_INPUT);
    },
    interrupted() {
      const controller = new AbortController();
      for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => controller.abort());
      return controller.signal;
    },
    async runDaemon(options) {
      // Loaded here only: it takes longer to load than `weft peers` takes to run, and brings the native addon.
      const { runDaemonProcess } = await import('./daemon-process.ts');
      await runDaemonProcess(startNode, options);
    },
  };
}
