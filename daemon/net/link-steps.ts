/**
 * Several changes of links, in one namespace or more, by rtnetlink: no process is started, and the waiting for the kernel
 * is done on another thread (ADR 23).
 */
import { type ErrorCode, WeftError } from '../../dataplane/errors.ts';
import { changeNet, NetChangeError, type NetStep } from '../../dataplane/net-change.ts';
import { commandOf, type LinkChange, messageOf } from './rtnetlink/link-change.ts';
import type { NetnsPath } from './run.ts';
import type { NetSysctls } from './sysctl.ts';

export interface LinkStep {
  /** Where it is done. @default the daemon's own namespace */
  readonly netns?: NetnsPath;
  /** Written first; what is not there is passed over, as setNetSysctls does. */
  readonly sysctls?: NetSysctls;
  readonly changes: readonly LinkChange[];
}

/** The steps before `step` (counted from 0) are done; of this one perhaps some changes. */
export class LinkStepError extends WeftError {
  readonly step: number;
  /** Positive; 0 if it was not the kernel that refused. */
  readonly errno: number;

  constructor(
    step: number,
    code: ErrorCode,
    message: string,
    options: { hint?: string; cause?: unknown; errno?: number } = {},
  ) {
    super(code, message, options);
    this.step = step;
    this.errno = options.errno ?? 0;
  }
}

/**
 * Carries out the steps in order and stops at the first that is refused: throws a LinkStepError, `conflict` when a name is
 * taken, `not_permitted`, `not_found` for a link, else `system`.
 */
export async function changeLinkSteps(steps: readonly LinkStep[]): Promise<void> {
  for (const [index, step] of steps.entries()) {
    try {
      await carryOut(step);
    } catch (error) {
      throw errorOf(index, step, error);
    }
  }
}

async function carryOut({ netns, sysctls = {}, changes }: LinkStep): Promise<void> {
  const settings: NetStep[] = Object.entries(sysctls).map(([file, value]) => ({ file, text: `${value}\n` }));
  await changeNet(netns, [...settings, ...changes.map(messageOf)]);
}

function errorOf(index: number, { sysctls = {}, changes }: LinkStep, error: unknown): unknown {
  if (!(error instanceof NetChangeError)) {
    // A name or an address that cannot be said to the kernel.
    const { code, hint } = error instanceof WeftError ? error : { code: 'system' as const, hint: undefined };
    return stepError(index, code, { what: firstOf(changes), cause: error as Error, hint });
  }
  const names = Object.keys(sysctls);
  const { step, code, hint, errno } = error;
  const setting = step === undefined ? undefined : names[step];
  const change = step === undefined ? undefined : changes[step - names.length];
  const what =
    setting !== undefined
      ? `cannot set the sysctl ${setting}`
      : change !== undefined
        ? commandOf(change)
        : firstOf(changes);
  return stepError(index, code, { what, cause: error, hint, errno });
}

interface Refusal {
  readonly what: string;
  readonly cause: Error;
  readonly hint: string | undefined;
  readonly errno?: number;
}

function stepError(index: number, code: ErrorCode, { what, cause, hint, errno = 0 }: Refusal): LinkStepError {
  return new LinkStepError(index, code, `${what}: ${cause.message}`, {
    cause,
    errno,
    ...(hint !== undefined && { hint }),
  });
}

function firstOf([first]: readonly LinkChange[]): string {
  return first === undefined ? 'cannot change settings' : `cannot begin "${commandOf(first)}"`;
}
