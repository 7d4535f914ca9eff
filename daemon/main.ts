#!/usr/bin/env node
/** The entry of `weft`. */
import { processIo } from './cli/process-io.ts';
import { runCli } from './cli/run-cli.ts';

const io = processIo(async (...given) => {
  // Loaded for the daemon only: it brings the native addon, which the other commands do not need.
  const { startNode } = await import('./start-node.ts');
  return startNode(...given);
});

const status = await runCli(process.argv.slice(2), io);
// A pipe takes some 200 KB; the rest of a large table waits here until its reader comes, and process.exit would drop it.
await Promise.all(
  [process.stdout, process.stderr].map(stream => new Promise<void>(done => stream.write('', () => done()))),
);
// Not process.exitCode: an interrupted --watch may still wait for an answer.
process.exit(status);
