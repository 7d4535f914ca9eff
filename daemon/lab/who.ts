/** Who answers at an address, and from where he takes the question to come: how a lab sees what is translated on the way. */
import type { ExecutionContext } from 'ava';
import type { Host } from './host.ts';
import type { LabProcess } from './lab-process.ts';

export interface Answer {
  /** The name that the server was given. */
  readonly name?: string;
  /** The address that the server has seen. */
  readonly from?: string;
  /** Nobody answered: TIMEOUT, or the code of the error. */
  readonly refused?: string;
}

/** Serves TCP and UDP of a port under the name of the host. */
export async function serveWho(host: Host, port: number): Promise<LabProcess> {
  return await host.startTool('who-serve', [port, host.name]);
}

/** Asks one after the other, each as in `tcp:192.0.2.1:80`. */
export async function askWho(host: Host, ...questions: readonly string[]): Promise<readonly Answer[]> {
  return await host.tool<Answer[]>('who', questions);
}

/** Rules with their counters, sysctls and routes: where packets went, for the log of a test that failed. */
export async function packetFilterOf(host: Host): Promise<string> {
  const script = [
    'nft -a list ruleset',
    'ip -br addr; ip route; ip -6 route; ip neigh',
    'sysctl -a 2>/dev/null | grep -E "\\.forwarding|force_forwarding|rp_filter|bridge-nf|route_localnet" | grep -v " = 0"',
  ].join('; echo ----; ');
  const { stdout, stderr } = await host.exec('sh', ['-c', script], { check: false });
  return `=== ${host.name}\n${stdout}${stderr}`;
}

/** Runs assertions about packets; when one fails, the log of the test shows the packet filter of these machines. */
export async function explained(
  t: ExecutionContext,
  machines: readonly Host[],
  body: () => Promise<void>,
): Promise<void> {
  try {
    await body();
  } catch (error) {
    for (const machine of machines) t.log(await packetFilterOf(machine));
    throw error;
  }
}
