/** What this program knows of its own package: where it is installed, and its version. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

// Read at run time, not imported: an imported package.json would be copied to dist/ and become the package of all code
// there, with import paths that lead nowhere.
const packageFile = createRequire(import.meta.url).resolve('#package');

/** The directory that holds package.json, absolute. */
export const packageRoot = dirname(packageFile);

export const version = versionIn(readFileSync(packageFile, 'utf8'));

/** The commit that it was built from, as `npm run build` has noted it; unknown where it was built without git. */
export const commit = commitOf(join(packageRoot, 'dist/commit'));

/** The commented example that a first configuration is copied from. */
export const exampleConfigPath = join(packageRoot, 'daemon/config/weft.example.yaml');

function commitOf(file: string): string {
  try {
    return readFileSync(file, 'utf8').trim() || 'unknown';
  } catch {
    return 'unknown';
  }
}

function versionIn(json: string): string {
  const parsed = JSON.parse(json) as { readonly version: string };
  return parsed.version;
}
