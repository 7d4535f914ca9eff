import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import test from 'ava';
import { version } from '../package-info.ts';
import { tempDirectory } from '../testing/temp-directory.ts';
import { isOfBuild, manifestOf, stagePackage } from './stage.ts';

const PATHS: readonly (readonly [string, boolean])[] = [
  ['', false],
  ['index.js', false],
  ['package.json', false],
  ['build', false],
  ['build/Release', false],
  ['build/Release/raw.node', false],
  ['build/Release/obj.target', true],
  ['build/Makefile', true],
  ['build/raw.target.mk', true],
  ['binding.gyp', true],
  ['ioctl.cc', true],
  ['src', true],
  ['test', true],
  ['.travis.yml', true],
  ['index.d.ts', true],
];

for (const [path, expected] of PATHS) {
  test(`of a dependency ${path === '' ? 'the directory' : path} is ${expected ? 'not ' : ''}installed`, t => {
    t.is(isOfBuild(path), expected);
  });
}

test('what is installed fetches nothing and runs nothing', t => {
  const source = JSON.parse(readFileSync(createRequire(import.meta.url).resolve('#package'), 'utf8'));
  const manifest = manifestOf(source, '1.2.3');
  t.is(manifest.version, '1.2.3');
  t.false('scripts' in manifest || 'private' in manifest || 'devDependencies' in manifest);
  t.deepEqual(Object.keys(manifest.dependencies), [...manifest.bundleDependencies]);
});

test('the stage has all that the program loads, and none of its sources, tests and maps', async t => {
  const directory = await tempDirectory(t);
  t.is(stagePackage(directory).version, version);
  const files = readdirSync(directory, { recursive: true, encoding: 'utf8' });
  t.deepEqual(
    files.filter(file => /\.(ts|map|c|cc|h)$|\.test\.js$/.test(file)),
    [],
  );
  const manifest = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8')) as {
    readonly imports: Readonly<Record<string, string>>;
    readonly bin: Readonly<Record<string, string>>;
  };
  for (const file of [...Object.values(manifest.imports), ...Object.values(manifest.bin)])
    t.true(existsSync(join(directory, file)), file);
});
