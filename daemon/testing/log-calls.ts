/** The calls of the log in the sources of the program, as text: for the tests that hold the dictionary to them. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { packageRoot } from '../package-info.ts';

export interface LogCall {
  readonly file: string;
  readonly level: string;
  /** undefined: it is no literal, but `expression`. */
  readonly message: string | undefined;
  readonly expression: string;
  /** Those that are written out in the call, and those of errorFields and endpointFields. */
  readonly fields: readonly string[];
}

/** What these give, where a call spreads them. */
const SPREADS: Readonly<Record<string, readonly string[]>> = {
  errorFields: ['reason', 'hint', 'err_code', 'err'],
  endpointFields: ['network', 'netns', 'ifname', 'mac', 'container'],
};

const CALL = /(?<![\w$])log\.(trace|debug|info|warn|error|fatal)\(/g;

/** Paths below the root of the package: of the daemon, without tests, their helpers and the lab. */
export async function programSources(): Promise<readonly string[]> {
  const directories = ['daemon', 'control', 'dataplane'];
  const entries = await Promise.all(
    directories.map(async directory =>
      (await readdir(join(packageRoot, directory), { recursive: true })).map(path => `${directory}/${path}`),
    ),
  );
  return entries
    .flat()
    .filter(path => /(?<!\.test|\.d)\.ts$/.test(path) && !/\/(testing|lab|e2e|fuzz)\//.test(path))
    .toSorted();
}

async function allCalls(): Promise<readonly LogCall[]> {
  const files = await programSources();
  const texts = await Promise.all(files.map(file => readFile(join(packageRoot, file), 'utf8')));
  return files.flatMap((file, i) => callsIn(file, texts[i] ?? ''));
}

export const logCalls = Object.assign(allCalls, { in: callsIn });

function callsIn(file: string, source: string): LogCall[] {
  return [...source.matchAll(CALL)].map(match => {
    const [first = '', ...rest] = argumentsAt(source, match.index + match[0].length);
    const expression = rest.at(-1) ?? '';
    const [, message] = /^'((?:[^'\\]|\\.)*)'$/.exec(expression) ?? [];
    return { file, level: match[1] ?? '', message, expression, fields: fieldsOf(first) };
  });
}

/** The arguments of a call whose opening parenthesis is before `start`. */
function argumentsAt(source: string, start: number): string[] {
  const found: string[] = [];
  let depth = 1;
  let quote = '';
  let begin = start;
  for (let at = start; depth > 0 && at < source.length; at++) {
    const character = source[at] ?? '';
    if (quote !== '') {
      if (character === '\\') at += 1;
      else if (character === quote) quote = '';
    } else if ('\'"`'.includes(character)) quote = character;
    else if ('([{'.includes(character)) depth += 1;
    else if (')]}'.includes(character)) depth -= 1;
    if (depth === 0 || (depth === 1 && quote === '' && character === ',')) {
      found.push(source.slice(begin, at).trim());
      begin = at + 1;
    }
  }
  return found.filter(argument => argument !== '');
}

function fieldsOf(argument: string): readonly string[] {
  const spread = /^(\w+)\(/.exec(argument)?.[1];
  if (spread !== undefined) return SPREADS[spread] ?? [];
  if (!argument.startsWith('{')) return [];
  return argumentsAt(`${argument.slice(1, -1)})`, 0).flatMap(property => {
    const [, spreadName] = /^\.\.\.(\w+)/.exec(property) ?? [];
    if (spreadName !== undefined) return SPREADS[spreadName] ?? [];
    return /^\w+/.exec(property) ?? [];
  });
}
