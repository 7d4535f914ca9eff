/**
 * DELs that came while no daemon ran: weft-cni has left each as a file (native/pending.c), and told the runtime that it is done. They are carried
 * out before the API answers, so that nothing new is taken for what they mean.
 */
import { readdir, readFile, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { errorFields, type Log } from '../log.ts';
import { type CniCall, type CniEnvironment, type CniHandler, parseCall } from './call.ts';

const DIRECTORY = 'cni';
const NAME = /^\d{10}\.\d{9}-\d+\.del$/;

export interface PendingModules {
  readonly log: Log;
  readonly cni: CniHandler;
}

/** Carries out what is in `paths.run`/cni, in the order in which it came. What fails stays for the next start. */
export async function carryOutPending({ log, cni }: PendingModules, runDirectory: string): Promise<void> {
  const directory = join(runDirectory, DIRECTORY);
  const names = await readdir(directory).catch(() => []);
  for (const name of names.filter(candidate => NAME.test(candidate)).sort()) {
    const path = join(directory, name);
    try {
      const call = parsePending(await readFile(path, 'utf8'));
      const answer = await cni(call);
      if (!answer.ok) throw new Error(answer.body.trim());
      await unlink(path);
      log.info(
        { component: 'api', container: call.container, path },
        'carried out a DEL that came while no daemon ran',
      );
    } catch (error) {
      log.warn(
        { component: 'api', path, ...errorFields(error) },
        'cannot carry out a DEL that came while no daemon ran',
      );
    }
  }
}

function parsePending(text: string): CniCall {
  const end = text.indexOf('\n\n');
  const environment: CniEnvironment = Object.fromEntries(
    text
      .slice(0, Math.max(0, end))
      .split('\n')
      .map(line => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  );
  return parseCall(environment, { config: text.slice(end + 2) });
}
