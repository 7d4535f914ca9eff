/** YAML text to a plain value that still knows on which line each key stands. JSON is YAML (1.2, section 1.3). */
import {
  type Document,
  isAlias,
  isMap,
  isNode,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
  visit,
  type YAMLError,
} from 'yaml';
import type { KeyPath, Problem } from './problem.ts';

export interface ConfigDocument {
  /** Plain objects, arrays, strings, numbers, booleans and null; undefined when `problems` forbid to go on. */
  readonly value: unknown;
  readonly problems: readonly Problem[];
  /** The line of the key (or list item) at `path`, or of the nearest thing above it that is in the file. */
  lineOf(path: KeyPath): number;
}

export function readDocument(text: string): ConfigDocument {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, stringKeys: true });
  const lineAt = (offset: number) => Math.max(1, lines.linePos(offset).line);
  const lineOf = (path: KeyPath) => lineAt(offsetOf(document, path));
  const unreadable = (problems: readonly Problem[]) => ({ value: undefined, problems, lineOf });

  // Nested too deeply, the parser goes on with a hundred complaints that follow from the first.
  const exhausted = document.errors.find(error => error.code === 'RESOURCE_EXHAUSTION');
  if (exhausted !== undefined) return unreadable([syntaxProblem(document, exhausted, lineAt)]);

  const problems: Problem[] = [
    ...[...document.errors, ...document.warnings].map(error => syntaxProblem(document, error, lineAt)),
    ...unknownAliases(document, lineAt),
  ];
  // A duplicate key leaves a value that can still be checked for the other mistakes.
  const duplicates = document.errors.filter(error => error.code === 'DUPLICATE_KEY');
  if (problems.length > duplicates.length) return unreadable(problems);
  try {
    return { value: document.toJS({ maxAliasCount: 100 }) as unknown, problems, lineOf };
  } catch (error) {
    // What is left that toJS can refuse: aliases that multiply without end ("billion laughs").
    const message = `aliases expand too far (${reasonOf(error)}); write the values out`;
    return unreadable([{ line: 1, path: [], message }]);
  }
}

function syntaxProblem(document: Document, error: YAMLError, lineAt: (offset: number) => number): Problem {
  const line = lineAt(error.pos[0]);
  if (error.code === 'DUPLICATE_KEY') {
    return {
      line,
      path: pathOfKeyAt(document, error.pos[0]),
      message: 'duplicate key; remove one of the two',
    };
  }
  return { line, path: [], message: wording(error) };
}

/** The commonest mistakes in our own words; for the rest the parser's. Each ends with what to do. */
function wording(error: YAMLError): string {
  switch (error.code) {
    case 'TAB_AS_INDENT':
      return 'a tab is used as indentation, which YAML forbids; use spaces';
    case 'NON_STRING_KEY':
      return 'a key is a list or a map; if it is an address such as [::1]:7946, put it in quotes';
    case 'MULTIPLE_DOCS':
      return 'a second document begins here; keep one, without the --- line';
    case 'TAG_RESOLVE_FAILED':
      return `${firstLine(error.message)}; remove the tag (the word after "!")`;
    case 'BAD_SCALAR_START':
      return `${firstLine(error.message)}; put the value in quotes`;
    case 'RESOURCE_EXHAUSTION':
      return 'nested too deeply for a configuration; flatten it';
    default:
      return `${firstLine(error.message)}; correct the YAML (is the indentation right?)`;
  }
}

function firstLine(text: string): string {
  const [line = ''] = text.split('\n');
  return line.charAt(0).toLowerCase() + line.slice(1);
}

function reasonOf(error: unknown): string {
  return firstLine(error instanceof Error ? error.message : String(error));
}

function unknownAliases(document: Document, lineAt: (offset: number) => number): Problem[] {
  const problems: Problem[] = [];
  visit(document, {
    Alias(_, alias) {
      if (alias.resolve(document) !== undefined) return;
      const message = `*${alias.source} refers to no anchor above it; put a text that begins with * in quotes`;
      problems.push({ line: lineAt(alias.range?.[0] ?? 0), path: [], message });
    },
  });
  return problems;
}

/** Byte offset in the text of what is at `path`: of the key for an entry of a map, of the item for one of a list. */
function offsetOf(document: Document, path: KeyPath): number {
  let node = resolve(document, document.contents);
  let offset = startOf(node);
  for (const part of path) {
    if (isMap(node)) {
      const pair = node.items.find(item => isScalar(item.key) && String(item.key.value) === part);
      if (pair === undefined) break;
      offset = startOf(pair.key, offset);
      node = resolve(document, pair.value);
    } else if (isSeq(node) && typeof part === 'number') {
      const item = node.items[part];
      offset = startOf(item, offset);
      node = resolve(document, item);
    } else {
      break;
    }
  }
  return offset;
}

function startOf(node: unknown, otherwise = 0): number {
  return isNode(node) ? (node.range?.[0] ?? otherwise) : otherwise;
}

function resolve(document: Document, node: unknown): Node | undefined {
  if (isAlias(node)) return node.resolve(document);
  return isNode(node) ? node : undefined;
}

function pathOfKeyAt(document: Document, offset: number): KeyPath {
  let found: KeyPath = [];
  visit(document, {
    Pair(_, pair, ancestors) {
      if (startOf(pair.key, -1) !== offset) return undefined;
      const chain = [...ancestors, pair];
      found = chain.flatMap((node, index) => step(node, chain[index + 1]));
      return visit.BREAK;
    },
  });
  return found;
}

/** What `node` adds to a path that goes on through `next`: a pair its key, a list the position of the next. */
function step(node: unknown, next: unknown): (string | number)[] {
  if (isPair(node)) return isScalar(node.key) ? [String(node.key.value)] : [];
  if (isSeq(node)) return [node.items.indexOf(next)];
  return [];
}
