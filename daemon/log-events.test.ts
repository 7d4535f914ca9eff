import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { eventOf, LIMITED_EVENTS, LOG_EVENTS } from './log-events.ts';
import { LOG_FIELDS, LOG_LEVELS } from './log-fields.ts';
import { packageRoot } from './package-info.ts';
import { readDoc } from './testing/docs.ts';
import { type LogCall, logCalls, programSources } from './testing/log-calls.ts';

interface DocumentedEvent {
  readonly event: string;
  readonly level: string;
  readonly isLimited: boolean;
  readonly message: string;
  readonly fields: readonly string[];
  readonly meaning: string;
  readonly action: string;
}

async function documented(): Promise<readonly DocumentedEvent[]> {
  const lines = (await readDoc('logs.md')).split('\n').filter(line => line.startsWith('| `'));
  return lines.map(line => {
    const [event = '', levels = '', message = '', fields = '', meaning = '', action = ''] = line
      .slice(1, -1)
      .split('|')
      .map(cell => cell.trim());
    const [level = '', limited] = levels.split(', ');
    return {
      event: event.replaceAll('`', ''),
      level,
      isLimited: limited === 'limited',
      message,
      fields: fields.split(', ').map(field => field.replaceAll('`', '')),
      meaning,
      action,
    };
  });
}

/** Messages that are chosen from several: where, and out of which words. All of these are literals of the same file. */
const CHOSEN: Readonly<Record<string, RegExp>> = {
  'control/serf/key-agent.ts': /^CHANGES\[operation\]$/,
  'daemon/dns/container-resolver.ts': /^message$/,
  'daemon/endpoints/endpoints.ts': /^trouble$/,
  'daemon/gossip/member-news.ts': /^MEMBER_NEWS\[type\]$/,
};

test('every call of the log in the sources has a message of the dictionary, at the level that docs/logs.md says', async t => {
  const calls = await logCalls();
  t.true(calls.length > 80, `${calls.length}`);
  const docs = new Map((await documented()).map(row => [row.event, row]));
  for (const { file, level, message, expression } of calls) {
    if (message === undefined) {
      t.regex(
        expression,
        CHOSEN[file] ?? /^$/,
        `${file}: a message has to be a literal, or its place one that is known here`,
      );
      continue;
    }
    const event = eventOf(message);
    t.truthy(event, `${file}: "${message}" is not in daemon/log-events.ts; add it there and to docs/logs.md`);
    t.is(docs.get(event ?? '')?.level, level, `${file}: "${message}"`);
  }
});

test('every message of the dictionary is said somewhere in the sources', async t => {
  const sources = await Promise.all(
    (await programSources())
      .filter(file => file !== 'daemon/log-events.ts')
      .map(file => readFile(join(packageRoot, file), 'utf8')),
  );
  for (const message of Object.keys(LOG_EVENTS))
    t.true(
      sources.some(source => source.includes(`'${message}'`)),
      message,
    );
});

test('docs/logs.md has a row for each event, and for no other', async t => {
  const rows = await documented();
  t.deepEqual(
    rows.map(({ event, message }) => [message, event]),
    Object.entries(LOG_EVENTS),
  );
  t.is(new Set(rows.map(({ event }) => event)).size, rows.length);
  for (const { event, level, fields, meaning, action, isLimited } of rows) {
    t.regex(event, /^[a-z]+(_[a-z]+)*$/);
    t.true((LOG_LEVELS as readonly string[]).includes(level), event);
    t.is(isLimited, (LIMITED_EVENTS as ReadonlySet<string>).has(event), event);
    t.deepEqual(
      fields.filter(field => field !== '' && !(field in LOG_FIELDS)),
      [],
      event,
    );
    t.true(meaning.length > 3 && action.length > 3, event);
  }
});

test('docs/logs.md names the fields that a call gives', async t => {
  const docs = new Map((await documented()).map(row => [row.event, row.fields]));
  let compared = 0;
  for (const { file, message, fields } of await logCalls()) {
    const event = message === undefined ? undefined : eventOf(message);
    if (event === undefined) continue;
    compared += fields.length;
    t.deepEqual(
      fields.filter(field => docs.get(event)?.includes(field) !== true),
      [],
      `${file}: ${event}`,
    );
  }
  t.true(compared > 150, `${compared}`);
});

test('what the scanner of calls finds', t => {
  const find = (source: string): readonly LogCall[] => logCalls.in('x.ts', source);
  t.like(find("this.log.warn({ peer, ...errorFields(error) }, 'a) b');")[0], {
    level: 'warn',
    message: 'a) b',
    fields: ['peer', 'reason', 'hint', 'err_code', 'err'],
  });
  t.like(find('log.info(fields, TEXT[type])')[0], {
    message: undefined,
    expression: 'TEXT[type]',
    fields: [],
  });
  t.is(find("catalogue.info({}, 'x')").length, 0);
});
