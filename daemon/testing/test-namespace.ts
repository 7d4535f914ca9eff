import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import type { ExecutionContext } from 'ava';
import { type Netns, netnsInode } from '../net/netns.ts';

let count = 0;

/** A named network namespace that is gone after the test. */
export async function testNamespace(t: ExecutionContext, what: string): Promise<Netns> {
  const name = `weft-${what}-${process.pid}-${++count}`;
  const path = `/run/netns/${name}`;
  execFileSync('ip', ['netns', 'add', name]);
  t.teardown(() => {
    if (existsSync(path)) execFileSync('ip', ['netns', 'del', name]);
  });
  return { name, path, inode: (await netnsInode(path)) ?? 0 };
}
