/** Run by dataplane.test.ts in a network namespace of its own: several dataplanes, with real threads, for one port. */
import { formatMac, parseIp, parseMac, parseVni, type VtepAddress } from '../address.ts';
import { Dataplane } from '../dataplane.ts';
import { WeftError } from '../errors.ts';
import { OFFLOADS } from '../offloads.ts';

const UNDERLAY = parseIp('127.0.0.1') as VtepAddress;
const PORT = 4789;

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** Prints how many source ports it got, or why it got none. */
async function start(workers: number): Promise<Dataplane> {
  const dataplane = new Dataplane(
    {},
    { workers },
    {
      portLost: ({ port }) => print(`lost ${port}`),
      offloadLost: ({ offload }) => print(`lost ${offload}`),
      died: error => print(error.message),
    },
  );
  try {
    const { sourcePorts } = await dataplane.run('open', {
      underlay: UNDERLAY,
      port: PORT,
      offloads: OFFLOADS,
    });
    print(`${new Set(sourcePorts).size} source ports`);
  } catch (error) {
    print(error instanceof WeftError ? error.code : String(error));
  }
  return dataplane;
}

const first = await start(4);
for (const workers of [1, 2]) await (await start(workers)).close();
await first.run('addNetwork', { name: 'blue', vni: parseVni(42), mtu: 1450 });
const { drops } = await first.run('readCounters', {});
print(`${drops.length} rows of drops`);
const claim = { mac: parseMac('02:00:5e:10:00:01'), vtep: UNDERLAY, addresses: [], mobility: 0 };
await first.run('changeClaims', { vni: parseVni(42), set: [claim], remove: [] });
for (const { mac, state } of await first.run('readClaims', {})) print(`claim of ${formatMac(mac)}: ${state}`);
await first.close();
await (await start(1)).close();
