/**
 * Where labs look for programs: as this process does, without the programs of npm packages, which `npm test` puts before those of the system. There is a
 * package that has one called `nft`, and it says nothing and succeeds when it is given rules.
 */
export function systemPath(path = searchPath()): string {
  return path
    .split(':')
    .filter(directory => !directory.replace(/\/$/, '').endsWith('node_modules/.bin'))
    .join(':');
}

function searchPath(): string {
  const { PATH = '' } = process.env;
  return PATH;
}
