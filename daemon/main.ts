#!/usr/bin/env node
/** The entry of `weft`. */
import { runProgram } from './cli/run-program.ts';

await runProgram(async (...given) => {
  // Loaded for the daemon only: it brings the native addon, which the other commands do not need.
  const { startNode } = await import('./start-node.ts');
  return startNode(...given);
});
