/** Files below paths.state: replaced as a whole, so that a crash leaves the old or the new one and never half of one. */
import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { WeftError } from '../dataplane/errors.ts';
import { asideOf, removeQuietly, replaceFile } from './replace-file.ts';

/** Only root looks into the directory and the files. */
const DIRECTORY_MODE = 0o700;
const FILE_MODE = 0o600;

/** What became of one write. */
export interface StateWrite {
  readonly file: string;
  /** Length of what was to be written. */
  readonly bytes: number;
  /** Why it was not; then the file is as it was. */
  readonly error: WeftError | undefined;
}

/** Files belong to the process, as who looks at them does. */
const observers = new Set<(write: StateWrite) => void>();

/** Tells `observer` of each write from now on, until what is returned is called. */
export function observeStateWrites(observer: (write: StateWrite) => void): () => void {
  observers.add(observer);
  return () => observers.delete(observer);
}

/** The text of the file, or undefined if there is none. Throws `system`. */
export async function readStateFile(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    return nothingIfMissing(file, error);
  }
}

/** As {@link readStateFile}. */
export function readStateFileSync(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    return nothingIfMissing(file, error);
  }
}

/** It is on the disk when this resolves. Throws `system`. */
export async function writeStateFile(file: string, text: string): Promise<void> {
  try {
    await mkdir(dirname(file), { recursive: true, mode: DIRECTORY_MODE });
    await replaceFile(file, text, { mode: FILE_MODE });
  } catch (error) {
    // What there was room for would keep others from theirs.
    removeQuietly(asideOf(file));
    throw refused(file, text, error);
  }
  written(file, text);
}

/** As {@link writeStateFile}, for what must be on the disk before anything else happens, and is small and rare. */
export function writeStateFileSync(file: string, text: string): void {
  const aside = asideOf(file);
  try {
    mkdirSync(dirname(file), { recursive: true, mode: DIRECTORY_MODE });
    const descriptor = openSync(aside, 'w', FILE_MODE);
    try {
      // Not writeSync, which says how much there was room for (write(2)): this goes on until all is written, or throws.
      writeFileSync(descriptor, text);
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    renameSync(aside, file);
    const directory = openSync(dirname(file), 'r');
    try {
      fsyncSync(directory);
    } finally {
      closeSync(directory);
    }
  } catch (error) {
    removeQuietly(aside);
    throw refused(file, text, error);
  }
  written(file, text);
}

/**
 * Replaces the file for who reads it after this process has ended in whatever way; a crash of the whole machine may leave the old one, the new
 * one, or none that can be read. Nothing waits for the disk, so it takes less than a thread would. Throws `system`.
 */
export function replaceStateFile(file: string, text: string): void {
  const aside = asideOf(file);
  try {
    mkdirSync(dirname(file), { recursive: true, mode: DIRECTORY_MODE });
    writeFileSync(aside, text, { mode: FILE_MODE });
    renameSync(aside, file);
  } catch (error) {
    removeQuietly(aside);
    throw refused(file, text, error);
  }
  written(file, text);
}

function written(file: string, text: string): void {
  for (const observer of observers) observer({ file, bytes: text.length, error: undefined });
}

function refused(file: string, text: string, cause: unknown): WeftError {
  const error = failure('cannot write', file, cause);
  for (const observer of observers) observer({ file, bytes: text.length, error });
  return error;
}

function nothingIfMissing(file: string, error: unknown): undefined {
  if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
  throw failure('cannot read', file, error);
}

function failure(what: string, file: string, cause: unknown): WeftError {
  return new WeftError('system', `${what} ${file}: ${(cause as Error).message}`, {
    hint: hintOf((cause as NodeJS.ErrnoException).code),
    cause,
  });
}

function hintOf(code: string | undefined): string {
  if (code === 'ENOSPC' || code === 'EDQUOT')
    return 'make room on the file system of paths.state, and try again';
  if (code === 'EMFILE' || code === 'ENFILE') return 'raise LimitNOFILE of the daemon, and try again';
  return 'check paths.state in the configuration';
}
