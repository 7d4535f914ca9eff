import test from 'ava';
import { WeftError } from '../dataplane/errors.ts';
import { createLog, errorFields } from './log.ts';
import { memoryLog } from './testing/memory-log.ts';

test('createLog writes one JSON object a line: level, time, the fields of the parent, its own, msg', t => {
  const lines: string[] = [];
  const { log: root } = createLog({ level: 'info', destination: { write: line => lines.push(line) } });
  const log = root.child({ node: 'vm-a', component: 'api' });
  log.info({ vni: 42, mac: undefined }, 'network\nadded');
  log.debug({}, 'below the level');
  t.is(lines.length, 1);
  const [line = ''] = lines;
  t.regex(line, /^[^\n]*\n$/);
  const { time, ...rest } = JSON.parse(line) as { readonly time: string };
  t.deepEqual(rest as unknown, {
    level: 'info',
    node: 'vm-a',
    component: 'api',
    vni: 42,
    msg: 'network\nadded',
  });
  t.regex(time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
});

test('Log takes no field that is not in the dictionary', t => {
  const { log, lines } = memoryLog();
  // @ts-expect-error: the dictionary says vni. tsc fails here if it ever compiles.
  log.info({ vnid: 42 }, 'a misspelt field');
  // @ts-expect-error: a VNI is a number.
  log.info({ vni: '42' }, 'a wrong kind of value');
  t.is(lines.length, 2);
});

test('errorFields: a WeftError by code, reason and hint; others with code and stack', t => {
  t.deepEqual(errorFields(new WeftError('conflict', 'port taken', { hint: 'stop the other' })), {
    err_code: 'conflict',
    reason: 'port taken',
    hint: 'stop the other',
  });
  const { log, lines } = memoryLog();
  log.error(errorFields(Object.assign(new Error('boom'), { code: 'EIO' })), 'failed');
  log.error(errorFields('text'), 'failed');
  t.like(lines[0], {
    level: 'error',
    err_code: 'EIO',
    reason: 'boom',
    err: { type: 'Error', message: 'boom' },
  });
  const [first = {}] = lines as { readonly err?: { readonly stack: string } }[];
  t.regex(first.err?.stack ?? '', /log\.test/);
  t.like(lines[1], { reason: 'text', err: 'text' });
});

test('secrets that come along under their names are not written, however deep', t => {
  const lines: string[] = [];
  const { log } = createLog({ level: 'info', destination: { write: line => lines.push(line) } });
  const secret = 'c2VjcmV0IHNlY3JldCA=';
  const fields = { err: { key: secret, config: { password: secret } }, token: secret } as never;
  log.error(fields, 'request failed');
  t.is(lines.length, 1);
  t.false(lines[0]?.includes(secret));
  t.true(lines[0]?.includes('[redacted]'));
});

test('each message carries its event', t => {
  const { log, lines } = memoryLog();
  log.info({}, 'attached');
  log.info({}, 'a message of a test');
  t.like(lines[0], { event: 'endpoint_attached' });
  t.false('event' in (lines[1] ?? {}));
});
