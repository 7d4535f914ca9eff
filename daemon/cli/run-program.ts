/**
 * The program as a process: its arguments, its streams, its exit. Of the two things that it can be, the daemon is started without anything of
 * the other: while it starts, containers wait (ADR 31).
 */
import type { Writable } from 'node:stream';
import type { DaemonOptions } from '../run-daemon.ts';
import type { StartNode } from '../running-node.ts';
import { EXIT_DONE, EXIT_FAILED, failureLine, reasonOf } from './failure.ts';
import { plainDaemon } from './plain-daemon.ts';

/** Ends the process. `startNode` is what `weft daemon` starts. */
export async function runProgram(startNode: StartNode): Promise<never> {
  for (const stream of [process.stdout, process.stderr]) endQuietlyOnBrokenPipe(stream);
  const argv = process.argv.slice(2);
  const daemon = plainDaemon(argv);
  const status = daemon === undefined ? await command(argv, startNode) : await serve(daemon, startNode);
  // A pipe takes some 200 KB; the rest of a large table waits here until its reader comes, and process.exit would drop it.
  await Promise.all(
    [process.stdout, process.stderr].map(stream => new Promise<void>(done => stream.write('', () => done()))),
  );
  // Not process.exitCode: an interrupted --watch may still wait for an answer.
  process.exit(status);
}

async function serve(options: DaemonOptions, startNode: StartNode): Promise<number> {
  try {
    const { runDaemonProcess } = await import('./daemon-process.ts');
    await runDaemonProcess(startNode, options);
    return EXIT_DONE;
  } catch (error) {
    process.stderr.write(failureLine(reasonOf(error)));
    return EXIT_FAILED;
  }
}

async function command(argv: readonly string[], startNode: StartNode): Promise<number> {
  const { processIo } = await import('./process-io.ts');
  const { runCli } = await import('./run-cli.ts');
  return await runCli(argv, processIo(startNode));
}

/** `weft fdb | head`: the reader has what it wanted. */
function endQuietlyOnBrokenPipe(stream: Writable): void {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    process.exit(error.code === 'EPIPE' ? EXIT_DONE : EXIT_FAILED);
  });
}
