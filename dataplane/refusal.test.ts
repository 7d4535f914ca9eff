import { constants } from 'node:os';
import test from 'ava';
import type { DropReason } from './drop-reasons.ts';
import { refusalReason } from './refusal.ts';

const { EAGAIN, EBADFD, EINVAL, EIO, EMSGSIZE, ENETUNREACH, ENOBUFS } = constants.errno as Record<
  string,
  number
> &
  typeof constants.errno;

const table: ['write' | 'send', number, DropReason][] = [
  ['write', EINVAL, 'bad_geometry'],
  ['write', EIO, 'port_down'],
  ['write', EBADFD ?? 77, 'port_down'],
  ['send', EINVAL, 'bad_geometry'],
  ['send', EMSGSIZE, 'path_mtu'],
  ['send', EAGAIN, 'send_buffer_full'],
  ['send', ENOBUFS, 'send_buffer_full'],
  ['send', ENETUNREACH, 'send_refused'],
];

for (const [operation, errno, reason] of table) {
  test(`refusalReason() of a ${operation} with errno ${errno} is ${reason}`, t => {
    t.is(refusalReason(operation, errno), reason);
  });
}
