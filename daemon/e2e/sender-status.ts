/** What the tests of senders ask a daemon. */

import type { Vm } from '../lab/vm.ts';
import { waitFor } from '../lab/wait-for.ts';
import type { LogFields } from '../log-fields.ts';
import type { PathReport, StatusReport } from '../operations.ts';

type LogLine = LogFields & { readonly level: string; readonly event?: string; readonly msg: string };

/** Waits until TCP of `vm` leaves for `vtep` as `matches` says. */
export async function waitForPath(
  vm: Vm,
  vtep: string,
  matches: (path: PathReport) => boolean,
  timeoutMs = 10_000,
): Promise<PathReport> {
  return await waitFor(
    async () => {
      const { dataplane } = await vm.weftJson<StatusReport>('status');
      const path = dataplane.paths.find(candidate => candidate.vtep === vtep);
      if (path === undefined) throw new Error(`no path to ${vtep}`);
      if (!matches(path)) throw new Error(JSON.stringify(path));
      return path;
    },
    { what: `the path of ${vm.name} to ${vtep}`, timeoutMs },
  );
}

export async function waitForSender(vm: Vm, vtep: string, sender: PathReport['sender']): Promise<PathReport> {
  return await waitForPath(vm, vtep, path => path.sender === sender);
}

/** Lines of the daemon's log about the tunnel-GSO sender. */
export function senderLines(vm: Vm): readonly LogLine[] {
  return vm.daemon.stdout
    .split('\n')
    .filter(line => line.includes('"offload":"tunnel-gso"'))
    .map(line => JSON.parse(line) as LogLine);
}

export async function dataplaneOf(vm: Vm): Promise<StatusReport['dataplane']> {
  return (await vm.weftJson<StatusReport>('status')).dataplane;
}
