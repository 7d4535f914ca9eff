/** Traffic control: whatever one device receives leaves by another. */
import type { NetnsPath } from './run.ts';
import { changeTraffic, listTraffic } from './traffic-control.ts';

/**
 * Redirects all that comes in on `from` to the egress of `to`; again changes nothing. The queueing disciplines and filters of `to` are not
 * touched; it sees packets that are sent. Throws `system`, or `unavailable` where there is no `tc`.
 */
export async function redirectIngress(from: string, to: string, netns?: NetnsPath): Promise<void> {
  // u32 with an empty match: small kernels have no matchall. By its handle a second time replaces the first.
  const filter = 'protocol all prio 1 handle 800::800 u32 match u32 0 0';
  const lines = [
    `qdisc replace dev ${from} clsact`,
    `filter replace dev ${from} ingress ${filter} action mirred egress redirect dev ${to}`,
  ];
  await changeTraffic(lines, netns, `redirect ${from} to ${to}`);
}

interface Filter {
  readonly options?: { readonly actions?: readonly { readonly to_dev?: string }[] };
}

/** Whether the redirection is (still) in force. Throws `system` when `tc` cannot tell. */
export async function isRedirected(from: string, to: string, netns?: NetnsPath): Promise<boolean> {
  return leadsTo(await listTraffic(['filter', 'show', 'dev', from, 'ingress'], netns), to);
}

/** Whether one of the filters, as `tc -json filter show` lists them, redirects to that device. */
export function leadsTo(filters: readonly unknown[], to: string): boolean {
  return (filters as readonly Filter[]).some(({ options }) =>
    options?.actions?.some(({ to_dev }) => to_dev === to),
  );
}
