#!/usr/bin/env node
/** The entry of `weft`. */
import { processIo } from './cli/process-io.ts';
import { runCli } from './cli/run-cli.ts';

const io = processIo(async (config, log) => {
  // Loaded for the daemon only: it brings the native addon, which the other commands do not need.
  const { startNode } = await import('./node.ts');
  return startNode(config, log);
});

// Not process.exitCode: an interrupted --watch may still wait for an answer.
process.exit(await runCli(process.argv.slice(2), io));
