/** How much a daemon of a lab holds on its heap once what is garbage was collected. */
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Vm } from './vm.ts';
import { waitFor } from './wait-for.ts';

const TOOL = new URL('./tools/heap-on-signal.js', import.meta.url);

/** Environment of daemons that can be asked. */
export const HEAP_ENVIRONMENT: Readonly<Record<string, string>> = {
  NODE_OPTIONS: `--import=${TOOL.href}`,
};

/** Bytes of its main thread: the heap, and buffers outside of it. */
export async function heapBytes({ daemon, directory, name }: Vm): Promise<number> {
  const file = join(directory, 'heap');
  daemon.signal('SIGWINCH');
  await waitFor(() => existsSync(file), { what: `${name} to tell its heap`, timeoutMs: 30_000 });
  const { heapUsed = 0, external = 0 } = JSON.parse(readFileSync(file, 'utf8')) as Record<string, number>;
  rmSync(file);
  return heapUsed + external;
}
