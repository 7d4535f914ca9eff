/** Traffic control, by iproute2's `tc`: whatever one device receives leaves by another. */
import { WeftError } from '../../dataplane/errors.ts';
import { run } from './run.ts';

/**
 * Redirects all that comes in on `from` to the egress of `to`. The queueing disciplines and filters of `to` are not
 * touched; it sees packets that are sent. Throws `system`, or `unavailable` where there is no `tc`.
 */
export async function redirectIngress(from: string, to: string): Promise<void> {
  const { code, stderr } = await run(
    ['tc', '-batch', '-'],
    undefined,
    // u32 with an empty match: small kernels have no matchall.
    `qdisc add dev ${from} clsact\n` +
      `filter add dev ${from} ingress protocol all prio 1 u32 match u32 0 0 action mirred egress redirect dev ${to}\n`,
  );
  if (code === 0) return;
  throw new WeftError('system', `cannot redirect ${from} to ${to}: ${stderr.trim().split('\n', 1)[0]}`);
}

interface Filter {
  readonly options?: { readonly actions?: readonly { readonly to_dev?: string }[] };
}

/** Whether the redirection is (still) in force. Throws `system` when `tc` cannot tell. */
export async function isRedirected(from: string, to: string): Promise<boolean> {
  const { code, stdout, stderr } = await run(
    ['tc', '-json', 'filter', 'show', 'dev', from, 'ingress'],
    undefined,
    '',
  );
  if (code !== 0) throw new WeftError('system', `tc filter show dev ${from}: ${stderr.trim()}`);
  if (stdout.trim() === '') return false;
  return leadsTo(JSON.parse(stdout) as unknown[], to);
}

/** Whether one of the filters, as `tc -json filter show` lists them, redirects to that device. */
export function leadsTo(filters: readonly unknown[], to: string): boolean {
  return (filters as readonly Filter[]).some(({ options }) =>
    options?.actions?.some(({ to_dev }) => to_dev === to),
  );
}
