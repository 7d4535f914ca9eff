import test from 'ava';
import { WeftError } from '../../dataplane/errors.ts';
import { parseTime } from './config.ts';

for (const [text, ms] of [
  ['60s', 60_000],
  ['5m', 300_000],
  ['1h', 3_600_000],
  ['90', 90_000],
  ['1', 1000],
  ['007m', 420_000],
  ['999999', 999_999_000],
] as const) {
  test(`parseTime: ${text} is ${ms} ms`, t => {
    t.is(parseTime(text), ms);
  });
}

for (const text of [
  ...['', '0', '0s', '000h', '-1', '+1', '1d', '5ms', '1000000', '5 m', ' 5m', '5m ', '5m\n'],
  ...['m', '1.5h', '1e3', '0x10', '1h30m', '5M', '٥m', 'constructor', '1constructor'],
]) {
  test(`parseTime: ${JSON.stringify(text)} is no time`, t => {
    const error = t.throws(() => parseTime(text), { instanceOf: WeftError, code: 'invalid_argument' });
    t.is(error?.line, `"${text}" is not a time; write it as in 60s, 5m or 1h`);
  });
}
