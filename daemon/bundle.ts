/**
 * The last step of the build: the daemon and its workers as a few files instead of the hundreds that tsc makes, because finding, reading and linking
 * these is most of what a start takes (ADR 31). It writes over dist/daemon/main.js and dist/dataplane/worker.js, which are entries and nothing else;
 * a tsc without it puts them back, and all runs as well, only later.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { packageRoot } from './package-info.ts';

const CHUNKS = 'bundle';

// Their names change with what is in them.
rmSync(join(packageRoot, 'dist', CHUNKS), { recursive: true, force: true });
await build({
  absWorkingDir: packageRoot,
  entryPoints: ['daemon/main.ts', 'dataplane/worker.ts'],
  outbase: '.',
  outdir: 'dist',
  chunkNames: `${CHUNKS}/[name]-[hash]`,
  // What is imported by import() stays a file of its own, loaded when it is asked for.
  splitting: true,
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  sourcemap: true,
  // They load addons of their own from beside their sources.
  external: ['ioctl-napi', 'raw-socket'],
  // CommonJS packages ask for modules of Node by it.
  banner: {
    js: "import { createRequire as requireFrom } from 'node:module'; const require = requireFrom(import.meta.url);",
  },
  logLevel: 'warning',
});
