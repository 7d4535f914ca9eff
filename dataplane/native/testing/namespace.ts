/** Network namespaces for tests on the real kernel. */
import { execFileSync } from 'node:child_process';

export interface Teardown {
  teardown(remove: () => void): void;
}

let made = 0;

/** Runs iproute2 and returns what it printed. */
export function ip(...words: readonly string[]): string {
  return execFileSync('ip', words, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

/** Makes a namespace that is silent (no IPv6 of its own) and is removed after the test, failed or not. */
export function makeNamespace(t: Teardown): { readonly name: string; readonly path: string } {
  const name = `weft-native-${process.pid}-${made++}`;
  ip('netns', 'add', name);
  t.teardown(() => ip('netns', 'delete', name));
  execFileSync('ip', ['netns', 'exec', name, 'sysctl', '-qw', 'net.ipv6.conf.default.disable_ipv6=1']);
  return { name, path: `/run/netns/${name}` };
}

/** Removes a namespace that its test may have removed already. */
export function makeDoomedNamespace(t: Teardown): { readonly name: string; readonly path: string } {
  return makeNamespace({
    teardown: remove =>
      t.teardown(() => {
        try {
          remove();
        } catch {
          // Gone, as the test wanted.
        }
      }),
  });
}
