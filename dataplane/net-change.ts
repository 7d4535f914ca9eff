/** Changes of a network namespace without a process: rtnetlink messages and settings, and why the kernel refused one. */
import { constants } from 'node:os';
import { type ErrorCode, WeftError } from './errors.ts';
import {
  batchIo,
  type NetChangeResult,
  type NetSetting,
  PATCH_IFINDEX,
  PATCH_NETNS,
} from './native/batch-io.ts';
import { describeErrno } from './native/system-error.ts';

/** 32 bits of a message that are only known when it is sent: a link's number, or an open descriptor of a namespace file. */
export interface NetPatch {
  readonly kind: 'ifindex' | 'netns';
  /** Bytes from the beginning of the message. */
  readonly offset: number;
  /** Name of the link, or path of the file. */
  readonly of: string;
}

/** A message of rtnetlink: complete, header included, with NLM_F_ACK; at most 4 KiB and four patches. */
export interface NetMessage {
  readonly message: Buffer;
  readonly patches: readonly NetPatch[];
}

export type NetStep = NetMessage | NetSetting;

const PATCH_KINDS = { ifindex: PATCH_IFINDEX, netns: PATCH_NETNS };

const { EACCES, EEXIST, EINVAL, ENODEV, EPERM, EROFS } = constants.errno;

const NEEDS_RIGHTS = 'run as root or with CAP_NET_ADMIN and CAP_SYS_ADMIN';
const NEEDS_PROC_SYS =
  'mount /proc/sys writable (mount -o remount,rw /proc/sys); in a container: --privileged';

/**
 * Why a change was refused. `code`: `conflict` (a name or address is taken), `not_permitted`, `not_found` (a link), else
 * `system`.
 */
export class NetChangeError extends WeftError {
  /** Counted from 0; undefined when the namespace could not be entered, and nothing was done. */
  readonly step: number | undefined;
  readonly errno: number;

  constructor(result: NetChangeResult, netnsPath: string | undefined) {
    const { code, message, hint } = explain(result, netnsPath);
    super(code, message, hint === undefined ? {} : { hint });
    this.step = result.refused === 'netns' || result.refused === 'socket' ? undefined : result.done;
    this.errno = result.errno;
  }
}

interface Reason {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint?: string | undefined;
}

function explain({ errno, refused, words }: NetChangeResult, netnsPath = ''): Reason {
  switch (refused) {
    case 'netns':
      return {
        ...permission(errno),
        message: `cannot enter network namespace ${netnsPath}: ${ofNetns(errno)}`,
      };
    case 'target':
      return { ...permission(errno), message: `cannot open network namespace ${words}: ${ofNetns(errno)}` };
    case 'link':
      return { code: codeOf(errno), message: `there is no link "${words}": ${describeErrno(errno)}` };
    case 'file':
      return {
        ...permission(errno),
        ...(errno === EROFS && { hint: NEEDS_PROC_SYS }),
        message: describeErrno(errno),
      };
    default:
      return { ...permission(errno), code: codeOf(errno), message: describeErrno(errno, words) };
  }
}

function ofNetns(errno: number): string {
  return errno === EINVAL ? 'it is not a network namespace' : describeErrno(errno);
}

function permission(errno: number): Pick<Reason, 'code' | 'hint'> {
  return errno === EPERM || errno === EACCES
    ? { code: 'not_permitted', hint: NEEDS_RIGHTS }
    : { code: 'system' };
}

function codeOf(errno: number): ErrorCode {
  if (errno === EEXIST) return 'conflict';
  if (errno === ENODEV) return 'not_found';
  return permission(errno).code;
}

/**
 * Carries out the steps in order, in the namespace of that file or in our own, and stops at the first that is refused: then it
 * throws a NetChangeError. Returns what the messages were answered with. Takes as long as the kernel does (RTNL is one lock for
 * the whole machine), on another thread than this one.
 */
export async function changeNet(netnsPath: string | undefined, steps: readonly NetStep[]): Promise<Buffer> {
  const result = await batchIo.changeNet(netnsPath ?? null, steps.map(numberPatches));
  if (result.errno !== 0) throw new NetChangeError(result, netnsPath);
  return result.answers;
}

function numberPatches(step: NetStep): Parameters<typeof batchIo.changeNet>[1][number] {
  if ('file' in step) return step;
  return {
    ...step,
    patches: step.patches.map(patch => ({ ...patch, kind: PATCH_KINDS[patch.kind] })),
  };
}
