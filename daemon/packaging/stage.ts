/**
 * What both packages hold: the built program without its sources, tests and tools, and of its dependencies only those that the bundle does not
 * have in it, built. It is laid out as the repository is, so that the program finds everything where it always does (package-info.ts).
 */
import { chmodSync, cpSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { packageRoot } from '../package-info.ts';

/** Addons of others, which load what was built beside them, and what they load it with. */
const BUNDLED = ['ioctl-napi', 'raw-socket'] as const;
const NEEDED = [...BUNDLED, 'bindings', 'file-uri-to-path'] as const;

/** Of them nothing is built where they are installed: that would take a compiler and Node's headers. */
const BUILD_FILES =
  /(^|\/)(binding\.gyp|\.[^/]+|src|test|example|build\/(?!Release$|Release\/[^/]+\.node$)|build\/Release\/(obj\.target|\.deps)|[^/]+\.(cc|c|h|mk|d\.ts)$)/;

/** raw-socket is built with nan, and so for the ABI of one major version: that which builds the package (process.versions.modules). */
const MAJOR = Number(process.versions.node.split('.')[0]);
const NODE = `>=20.19 <${MAJOR + 1}`;

const FILES: readonly string[] = [
  'README.md',
  'dist/commit',
  'dist/daemon/main.js',
  'dist/dataplane/worker.js',
  'daemon/cni/native/build/weft-cni',
  'daemon/config/weft.example.yaml',
  'daemon/systemd/native/build/weft-relay',
  'daemon/systemd/weft-docker.socket',
  'daemon/systemd/weft.service',
  'dataplane/native/build/batch_io.node',
  'docs/prometheus',
  'docs/grafana',
];

interface PackageJson {
  readonly version: string;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly [key: string]: unknown;
}

export interface StageOptions {
  /** @default that of package.json */
  readonly version?: string;
}

/** Fills an empty directory. Throws if the repository is not built. */
export function stagePackage(
  directory: string,
  { version }: StageOptions = {},
): { readonly version: string } {
  for (const file of FILES) copy(file, directory);
  const bundle = join(packageRoot, 'dist/bundle');
  cpSync(bundle, join(directory, 'dist/bundle'), { recursive: true, filter: file => !file.endsWith('.map') });
  for (const name of NEEDED) stageDependency(name, directory);
  chmodSync(join(directory, 'dist/daemon/main.js'), 0o755);
  const source = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')) as PackageJson;
  const manifest = manifestOf(source, version ?? source.version);
  writeFileSync(join(directory, 'package.json'), `${JSON.stringify(manifest, undefined, 2)}\n`);
  setModes(directory);
  return { version: manifest.version };
}

/** package.json of what is installed: nothing to be fetched, nothing to be run. */
export function manifestOf(source: PackageJson, version: string) {
  const { name, description, license, type, os, imports, dependencies } = source;
  return {
    ...{ name, version, description, license, type, os },
    engines: { node: NODE },
    cpu: [process.arch],
    bin: { weft: 'dist/daemon/main.js' },
    imports,
    dependencies: Object.fromEntries(BUNDLED.map(needed => [needed, dependencies[needed] ?? '*'])),
    bundleDependencies: BUNDLED,
  };
}

/** Those of a checkout are its owner's business. */
function setModes(directory: string): void {
  for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    const isProgram = entry.isDirectory() || (!path.endsWith('.node') && (statSync(path).mode & 0o100) !== 0);
    chmodSync(path, isProgram ? 0o755 : 0o644);
  }
}

function copy(file: string, directory: string): void {
  const target = join(directory, file);
  mkdirSync(dirname(target), { recursive: true });
  cpSync(join(packageRoot, file), target, { recursive: true });
}

function stageDependency(name: string, directory: string): void {
  const source = join(packageRoot, 'node_modules', name);
  const target = join(directory, 'node_modules', name);
  cpSync(source, target, { recursive: true, filter: file => !isOfBuild(file.slice(source.length + 1)) });
  const file = join(target, 'package.json');
  const {
    name: itself,
    version,
    main,
    license,
    dependencies = {},
  } = JSON.parse(readFileSync(file, 'utf8')) as {
    readonly [key: string]: unknown;
    readonly dependencies?: Readonly<Record<string, string>>;
  };
  // nan is a header: what was built with it does without.
  const kept = Object.entries(dependencies).filter(([needed]) => NEEDED.some(known => known === needed));
  // Nothing of how it is built, nor of which of its files its author publishes: what was built is none of them.
  const manifest = { name: itself, version, main, license, dependencies: Object.fromEntries(kept) };
  writeFileSync(file, JSON.stringify(manifest, undefined, 2));
}

/** Whether a file of a dependency is only needed where it is built. */
export function isOfBuild(path: string): boolean {
  return path !== '' && BUILD_FILES.test(path);
}
