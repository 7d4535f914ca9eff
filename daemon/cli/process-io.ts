/** The real {@link CliIo}: this process's streams, environment and signals. */
import type { Writable } from 'node:stream';
import { systemClock } from '../../dataplane/clock.ts';
import { realHost } from '../doctor/host-port.ts';
import type { StartNode } from '../running-node.ts';
import type { CliIo } from './io.ts';
import { EXIT_DONE, EXIT_FAILED, failureLine } from './run-cli.ts';

/** More is no key, in characters. */
const MAX_INPUT = 4096;

/** `startNode` is what `weft daemon` starts. */
export function processIo(startNode: StartNode): CliIo {
  endQuietlyOnBrokenPipe(process.stdout);
  endQuietlyOnBrokenPipe(process.stderr);
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
    async runDaemon(configPath) {
      // Loaded here only: the HTTP server takes longer to load than `weft peers` takes to run.
      const { runDaemon } = await import('../run-daemon.ts');
      // They bring the native addon.
      const { takePassedDescriptors } = await import('../systemd/passed-descriptors.ts');
      const { takeServiceManager } = await import('../systemd/service-manager.ts');
      const manager = takeServiceManager(process.env, { pid: process.pid });
      const passed = takePassedDescriptors(process.env, { pid: process.pid });
      const abort = (line: string) => {
        process.stderr.write(failureLine(line));
        process.exit(EXIT_FAILED);
      };
      await runDaemon({ startNode, clock: systemClock, manager, passed, abort }, configPath);
    },
  };
}

/** `weft fdb | head`: the reader has what it wanted. */
function endQuietlyOnBrokenPipe(stream: Writable): void {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    process.exit(error.code === 'EPIPE' ? EXIT_DONE : EXIT_FAILED);
  });
}
