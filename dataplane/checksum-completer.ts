import type { Arena } from './arena.ts';
import { batchIo } from './native/batch-io.ts';
import type { CompleteChecksum } from './ports.ts';

/** {@link CompleteChecksum} for the frames of one arena. */
export function checksumCompleter(modules: { readonly arena: Arena }): CompleteChecksum {
  const { memory } = modules.arena;
  return (batch, i) => batchIo.completeChecksum(memory, batch.memory, i);
}
