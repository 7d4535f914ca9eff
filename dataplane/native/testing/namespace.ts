/** Network namespaces for tests on the real kernel. */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';

export interface Teardown {
  teardown(remove: () => void): void;
}

let made = 0;

const PREFIX = 'weft-native-';

/** Runs iproute2 and returns what it printed. */
export function ip(...words: readonly string[]): string {
  return execFileSync('ip', words, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

/** Removes what a run that was killed has left: namespaces whose name carries the PID of no living process. */
function removeStale(): void {
  if (!existsSync('/run/netns')) return;
  for (const name of readdirSync('/run/netns').filter(text => text.startsWith(PREFIX))) {
    if (!existsSync(`/proc/${name.slice(PREFIX.length).split('-')[0]}`)) remove(name);
  }
}

/** Also if it is gone already: by the test itself, or by another run that found it stale. */
function remove(name: string): void {
  try {
    ip('netns', 'delete', name);
  } catch (error) {
    if (existsSync(`/run/netns/${name}`)) throw error;
  }
}

/** Makes a namespace that is silent (no IPv6 of its own) and is removed after the test, failed or not. */
export function makeNamespace(t: Teardown): { readonly name: string; readonly path: string } {
  if (made === 0) removeStale();
  const name = `${PREFIX}${process.pid}-${made++}`;
  ip('netns', 'add', name);
  t.teardown(() => remove(name));
  execFileSync('ip', ['netns', 'exec', name, 'sysctl', '-qw', 'net.ipv6.conf.default.disable_ipv6=1']);
  return { name, path: `/run/netns/${name}` };
}
