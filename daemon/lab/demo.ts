/**
 * `npm run demo`: two machines, a container on each, and what an operator would look at. On a terminal everything stays
 * until Ctrl-C; without one it is removed at once.
 */
import { createInterface } from 'node:readline';
import { WeftError } from '../../dataplane/errors.ts';
import type { PeerReport } from '../operations.ts';
import type { Container } from './container.ts';
import { iperf } from './iperf.ts';
import { Lab } from './lab.ts';
import { ping } from './ping.ts';
import type { Vm } from './vm.ts';
import { waitFor } from './wait-for.ts';

const SECONDS = 5;

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

function step(text: string): void {
  say(`\n\u25b8 ${text}`);
}

async function startMachines(lab: Lab): Promise<{ a: Vm; b: Vm }> {
  step('two machines on one wire: a is 192.0.2.1, b is 192.0.2.2');
  const a = await lab.addVm('a', { underlay: '192.0.2.1/24' });
  const b = await lab.addVm('b', { underlay: '192.0.2.2/24' });

  step(
    'a weft daemon on each, with the network "blue" (VNI 42); b is told the address of a and nothing else',
  );
  const networks = [{ name: 'blue', vni: 42, subnet: '198.18.0.0/24' }];
  await a.startWeft({ networks });
  await b.startWeft({ networks, join: [a.underlay] });
  await waitFor(
    async () => (await a.weftJson<PeerReport[]>('peers')).some(({ state }) => state === 'alive'),
    {
      what: 'a to see b',
    },
  );
  return { a, b };
}

async function attach(vm: Vm, address: string): Promise<Container> {
  const container = await vm.addContainer('c1');
  await vm.weft(['attach', container.netns, '--network', 'blue', '--address', `${address}/24`]);
  say(`  ${vm.name}: weft attach ${container.netns} --network blue --address ${address}/24`);
  return container;
}

async function show(lab: Lab): Promise<void> {
  const { a, b } = await startMachines(lab);

  step('a container on each machine');
  const c1 = await attach(a, '198.18.0.1');
  const c2 = await attach(b, '198.18.0.2');

  step('ping from one container to the other');
  const { received, sent, rttMs } = await ping(c1, '198.18.0.2', { count: 5 });
  if (received !== sent) throw new Error(`${sent - received} of ${sent} pings were lost`);
  say(
    `  ${received} of ${sent} answered, ${rttMs?.min} / ${rttMs?.avg} / ${rttMs?.max} ms (min / avg / max)`,
  );

  step(`${SECONDS} seconds of iperf3`);
  const { bitsPerSecond, retransmits } = await iperf(c1, c2, '198.18.0.2', { seconds: SECONDS });
  say(`  ${(bitsPerSecond / 1e9).toFixed(2)} Gbit/s in one TCP stream, ${retransmits} retransmits`);

  for (const table of ['peers', 'fdb']) {
    step(`a: weft ${table}`);
    say((await a.weft([table])).stdout.trimEnd().replaceAll(/^/gm, '  '));
  }

  if (process.stdin.isTTY !== true || process.stdout.isTTY !== true) return;
  step('it is yours');
  say(`  enter a container:  ip netns exec ${c1.netns} bash      (then: ping 198.18.0.2)`);
  say(`  ask a daemon:       WEFT_SOCKET=${a.apiSocket} npx weft status`);
  say('  Ctrl-C removes everything');
  await interrupted();
}

/** Resolves on Ctrl-C or the end of input. */
function interrupted(): Promise<void> {
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  return new Promise(resolve => {
    terminal.on('SIGINT', () => terminal.close());
    terminal.on('close', () => {
      say('');
      resolve();
    });
  });
}

async function main(): Promise<void> {
  Lab.sweep();
  const lab = await Lab.create({ name: 'demo' });
  try {
    await show(lab);
  } catch (error) {
    process.stderr.write(`${lab.report()}\n`);
    throw error;
  } finally {
    await lab.destroy();
    say('\n\u25b8 everything is removed');
  }
}

try {
  await main();
} catch (error) {
  process.stderr.write(
    `${error instanceof WeftError ? error.line : error instanceof Error ? error.message : error}\n`,
  );
  process.exitCode = 1;
}
