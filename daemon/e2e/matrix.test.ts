/**
 * Every way to be attached × address family × place of the other one × kind of payload, in one lab, every cell for itself.
 *
 *   bridged: a-bridge1 ── a-bridge2 (local)      b-bridge3 (remote)
 *   tapped:  a-tap1 ───── a-tap2 (local)         b-tap3 (remote)
 *            └──────── weft a ──────┘ ══ switch ══ weft b
 */
import test from 'ava';
import { formatTable } from '../cli/table.ts';
import type { Container } from '../lab/container.ts';
import { unansweredPings } from '../lab/ping.ts';
import { expectedDigest, stream } from '../lab/stream.ts';
import type { Vm } from '../lab/vm.ts';
import { inLab } from './in-lab.ts';
import { ATTACH_MODES, startPair, timed } from './overlay.ts';

const NETWORKS = {
  bridge: {
    name: 'bridged',
    vni: 42,
    subnet: '198.18.0.0/24',
    subnet6: '2001:db8:18::/64',
    attach: 'bridge',
  },
  tap: { name: 'tapped', vni: 43, subnet: '198.18.1.0/24', subnet6: '2001:db8:19::/64', attach: 'tap' },
} as const;

/** Bytes of header before the payload of an ICMP echo (RFC 791, RFC 8200, RFC 792, RFC 4443). */
const ECHO_HEADERS = { 4: 20 + 8, 6: 40 + 8 };
const FAMILIES = [4, 6] as const;
const BULK_BYTES = 10_000_000;

type Family = (typeof FAMILIES)[number];

interface Path {
  readonly from: Container;
  readonly to: Container;
  readonly address: string;
  readonly family: Family;
  readonly mtu: number;
}

/** Each throws if not all of it arrives, and else says how it was. */
const PAYLOADS: Readonly<Record<string, (path: Path) => Promise<string>>> = {
  ping: path => pingWith(path, {}),
  'full MTU': path => pingWith(path, { size: path.mtu - ECHO_HEADERS[path.family], dontFragment: true }),
  'TCP bulk': async ({ from, to, address }) => {
    const { bytes, sha256, seconds } = await stream(from, to, address, BULK_BYTES);
    if (bytes !== BULK_BYTES || sha256 !== expectedDigest(BULK_BYTES))
      throw new Error(`${bytes} of ${BULK_BYTES} bytes arrived, or others`);
    return `${Math.round((8 * bytes) / seconds / 1e6)} Mbit/s`;
  },
};

async function pingWith(
  { from, address }: Path,
  options: { readonly size?: number; readonly dontFragment?: boolean },
): Promise<string> {
  const report = await unansweredPings(from, address, { count: 5, intervalS: 0.02, ...options });
  if (report.unanswered.length > 0 || report.duplicates > 0) throw new Error(report.summary);
  return `5 of 5${options.size === undefined ? '' : `, ${options.size} bytes`}`;
}

/** Adds a container with both families of addresses, in the network of that mode. */
async function add(vm: Vm, mode: keyof typeof NETWORKS, n: number): Promise<Container> {
  const { name, subnet, subnet6 } = NETWORKS[mode];
  const container = await vm.addContainer(`${mode}${n}`);
  await vm.api.attach({
    netns: container.netns,
    network: name,
    addresses: [subnet.replace('0/24', `${n}/24`), subnet6.replace('::/64', `::${n}/64`)],
    ifname: 'eth0',
    mac: undefined,
  });
  return container;
}

test('matrix: attach modes × families × local and remote × payloads: every cell', async t => {
  await inLab(t, 'matrix', async lab => {
    const { a, b } = await startPair(lab, { networks: Object.values(NETWORKS) });
    const rows: string[][] = [];
    const wrong: string[] = [];
    const took = await timed(async () => {
      for (const mode of ATTACH_MODES) {
        const [from, near, far] = [await add(a, mode, 1), await add(a, mode, 2), await add(b, mode, 3)];
        const { mtu } = await from.link('eth0');
        for (const family of FAMILIES) {
          for (const [place, to] of [
            ['local', near],
            ['remote', far],
          ] as const) {
            const { subnet, subnet6 } = NETWORKS[mode];
            const n = to === near ? 2 : 3;
            const address =
              family === 4 ? subnet.replace('0/24', `${n}`) : subnet6.replace('::/64', `::${n}`);
            const cells: string[] = [];
            for (const [payload, carry] of Object.entries(PAYLOADS)) {
              const cell = await carry({ from, to, address, family, mtu }).catch((error: Error) => {
                wrong.push(`${mode}, IPv${family}, ${place}, ${payload}: ${error.message}`);
                return 'FAILED';
              });
              cells.push(cell);
            }
            rows.push([mode, `IPv${family}`, place, ...cells]);
          }
        }
      }
    });
    t.log(`\n${formatTable(['attach', 'family', 'pair', ...Object.keys(PAYLOADS)], rows)}`);
    t.log(`${rows.length * Object.keys(PAYLOADS).length} cells in ${Math.round(took / 1000)} s`);
    t.deepEqual(wrong, []);
    t.is(rows.length, 8);
  });
});
