import test from 'ava';
import { formatTimeline } from './restart-timeline.ts';

const entry = (ms: number, fields: Record<string, string>, sourceMs?: number) =>
  JSON.stringify({
    __REALTIME_TIMESTAMP: String(1_700_000_000_000_000 + ms * 1000),
    ...(sourceMs !== undefined && {
      _SOURCE_REALTIME_TIMESTAMP: String(1_700_000_000_000_000 + sourceMs * 1000),
    }),
    MESSAGE: 'x',
    ...fields,
  });

test('the steps of a restart, in the order in which they were written', t => {
  const journal = [
    entry(0, { MESSAGE: 'Stopping weft.service - weft, VXLAN overlay for containers...' }),
    entry(2, { WEFT_EVENT: 'stopping' }),
    entry(41, { MESSAGE: 'weft.service: Deactivated successfully.' }),
    // journald has noted it late.
    entry(43, { WEFT_EVENT: 'stopped' }, 30),
    entry(45, { MESSAGE: 'Starting weft.service - weft, VXLAN overlay for containers...' }),
    entry(120, { WEFT_EVENT: 'starting' }),
    entry(180, { WEFT_EVENT: 'endpoint_taken_over' }),
    entry(184, { WEFT_EVENT: 'endpoint_taken_over' }),
    entry(190, { WEFT_EVENT: 'peer_alive' }),
    entry(191, { WEFT_EVENT: 'carrying', WEFT_DURATION_MS: '130' }),
  ];
  t.is(
    formatTimeline(`${journal.join('\n')}\n`),
    '0 systemctl, 2 stopping, 30 stopped, 41 exited, 45 exec, 61 node, 120 starting, 184 endpoint_taken_over, 191 carrying',
  );
});

test('a journal without any', t => {
  t.is(formatTimeline(''), '');
});
