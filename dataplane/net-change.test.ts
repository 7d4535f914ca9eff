import { constants } from 'node:os';
import test from 'ava';
import type { NetChangeResult } from './native/batch-io.ts';
import { NetChangeError } from './net-change.ts';

const { EPERM, EROFS, ENOENT, EINVAL, EEXIST, ENODEV } = constants.errno;

function refusal(result: Partial<NetChangeResult>): NetChangeError {
  const all = { done: 3, errno: EPERM, refused: 'message', words: '', answers: Buffer.alloc(0), ...result };
  return new NetChangeError(all as NetChangeResult, '/run/netns/n');
}

test('a refusal says why, and what to do about it', t => {
  t.like(refusal({ refused: 'netns' }), {
    code: 'not_permitted',
    step: undefined,
    message: 'cannot enter network namespace /run/netns/n: operation not permitted (EPERM)',
    hint: 'run as root or with CAP_NET_ADMIN and CAP_SYS_ADMIN',
  });
  t.like(refusal({ refused: 'netns', errno: EINVAL }), {
    code: 'system',
    message: 'cannot enter network namespace /run/netns/n: it is not a network namespace',
  });
  t.like(refusal({ refused: 'target', errno: ENOENT, words: '/run/netns/m' }), {
    code: 'system',
    step: 3,
    message: 'cannot open network namespace /run/netns/m: no such file or directory (ENOENT)',
  });
  t.like(refusal({ refused: 'file', errno: EROFS }), {
    code: 'system',
    message: 'read-only file system (EROFS)',
    hint: 'mount /proc/sys writable (mount -o remount,rw /proc/sys); in a container: --privileged',
  });
  t.like(refusal({ refused: 'link', errno: ENODEV, words: 'eth0' }), {
    code: 'not_found',
    message: 'there is no link "eth0": no such device (ENODEV)',
  });
  t.like(refusal({ errno: EEXIST, words: 'Address already assigned' }), {
    code: 'conflict',
    step: 3,
    errno: EEXIST,
    message: 'Address already assigned (EEXIST)',
    hint: undefined,
  });
  // Not one that libuv knows.
  t.is(refusal({ errno: 54 }).message, 'unknown error (errno 54)');
});
