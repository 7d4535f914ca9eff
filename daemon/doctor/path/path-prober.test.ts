import test from 'ava';
import { fakePaths } from '../../testing/fake-doctor.ts';
import type { PathOperations } from './path-facts.ts';
import { probePath, type RawSender } from './path-prober.ts';

interface Path {
  /** Whether a packet of this size gets there. */
  readonly there: (bytes: number, isRaw: boolean) => boolean;
  readonly back: (bytes: number) => boolean;
  /** The peer cannot be asked. */
  readonly isMute?: boolean;
  readonly errno?: number;
  readonly canRaw?: boolean;
}

/** A path in memory, and how many packets went over it. */
function pathOf({ there, back, isMute = false, errno = 0, canRaw = true }: Path) {
  const arrived = new Set<number>();
  const answered = new Set<number>();
  let sent = 0;
  const put = (number: number, bytes: number, isRaw: boolean) => {
    sent += 1;
    if (!there(bytes, isRaw)) return;
    arrived.add(number);
    if (back(bytes)) answered.add(number);
  };
  const operations: PathOperations = {
    ...fakePaths,
    async sendProbes({ probes }) {
      if (errno === 0) for (const { number, bytes } of probes) put(number, bytes, false);
      return { errnos: probes.map(() => errno) };
    },
    async lookAtProbes() {
      return {
        answered: [...answered],
        arrived: isMute ? null : [...arrived],
        seen_from: [['192.0.2.1', 5]],
        answered_from: ['192.0.2.2'],
        checksum_errors: { here: 0, there: 0 },
      };
    },
  };
  const raw: RawSender = {
    async send({ number, bytes }) {
      put(number, bytes, true);
      return 0;
    },
    complaints: () => [],
    close() {},
  };
  const openRaw = () => (canRaw ? Promise.resolve(raw) : Promise.reject(new Error('no')));
  return { modules: { operations, host: { openRaw } }, sent: () => sent };
}

const all = () => true;
const none = () => false;

test('a healthy path takes one round of a few packets', async t => {
  const { modules, sent } = pathOf({ there: all, back: all });
  const { vxlan } = await probePath(modules, 'vm-b');
  t.like(vxlan, {
    small: { sent: 3, arrived: 3, answered: 3 },
    raw: { sent: 3, arrived: 3, answered: 3 },
    largest: { there: 1500, back: 1500 },
    refused: [],
  });
  t.true(sent() <= 10);
});

test('the largest packet of each direction is found', async t => {
  for (const [there, back] of [
    [1400, 1500],
    [1500, 1400],
    [1499, 1500],
    [1280, 900],
    [576, 576],
    [201, 1500],
  ] as const) {
    const { modules, sent } = pathOf({ there: bytes => bytes <= there, back: bytes => bytes <= back });
    const { vxlan } = await probePath(modules, 'vm-b');
    const found = vxlan?.largest;
    const expected = { there: Math.min(there, 1500), back: Math.min(there, back) };
    for (const way of ['there', 'back'] as const) {
      const short = expected[way] - (found?.[way] ?? 0);
      t.true(short >= 0 && short <= 1, `${there} ${back} ${way}: ${found?.[way]}`);
    }
    t.true(sent() < 200, `${sent()} packets`);
  }
});

test('a peer that cannot be asked leaves the direction open', async t => {
  const { modules } = pathOf({ there: none, back: none, isMute: true });
  const { vxlan } = await probePath(modules, 'vm-b');
  t.deepEqual(vxlan?.small, { sent: 3, arrived: null, answered: 0 });
  t.is(vxlan?.largest, undefined);
});

test('what only raw packets pass is no hole of sizes', async t => {
  const { modules } = pathOf({ there: (_, isRaw) => isRaw, back: all });
  const { vxlan } = await probePath(modules, 'vm-b');
  t.like(vxlan, { small: { arrived: 0 }, raw: { arrived: 3 } });
});

test('without the right to raw packets, and without any way out, it is said', async t => {
  const { modules } = pathOf({ there: all, back: all, canRaw: false });
  const { vxlan } = await probePath(modules, 'vm-b');
  t.like(vxlan, { raw: undefined, rawFailure: 'no' });
  const refused = pathOf({ there: all, back: all, errno: 1, canRaw: false });
  t.deepEqual((await probePath(refused.modules, 'vm-b')).vxlan?.refused, [1]);
});
