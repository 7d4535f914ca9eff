import test from 'ava';
import { type MacAddress, parseIp, parseVni, type VtepAddress } from './address.ts';
import type { DataplaneCounters, InstalledClaim, InstalledVtep, TableEntry } from './commands.ts';
import { mergeClaims, mergeCounters, mergeOpened, mergeTables, mergeVteps } from './merge-answers.ts';
import { COUNTERS } from './native/batch-io.ts';
import type { PortCounters } from './ports.ts';

const BLUE = parseVni(42);
const GREEN = parseVni(43);
const MAC = 0x02005e100001 as MacAddress;

function counters(values: Partial<PortCounters>): PortCounters {
  return { ...(Object.fromEntries(COUNTERS.map(name => [name, 0])) as unknown as PortCounters), ...values };
}

function entry(values: Partial<TableEntry>): TableEntry {
  const vtep = parseIp('192.0.2.2') as VtepAddress;
  return { vni: BLUE, mac: MAC, origin: 'learned', port: null, vtep, ageMs: 0, ...values };
}

test('mergeOpened() lists the source ports and descriptors of all workers, and each offload that one of them misses', t => {
  const first = {
    sourcePorts: [50_000, 50_001],
    missing: ['udp-gro', 'udp-segment'],
    descriptors: [7, 8],
  } as const;
  const second = { sourcePorts: [50_002], missing: ['udp-gro'], descriptors: [9] } as const;
  t.deepEqual(mergeOpened([first, second]), {
    sourcePorts: [50_000, 50_001, 50_002],
    missing: ['udp-gro', 'udp-segment'],
    descriptors: [7, 8, 9],
  });
});

test('mergeTables() has each address of each network once, as it was seen last', t => {
  const old = entry({ ageMs: 20_000 });
  const fresh = entry({ ageMs: 5, port: 'tap0', vtep: null });
  const green = entry({ vni: GREEN, ageMs: 70 });
  t.deepEqual(mergeTables([[old], [fresh, green], [entry({ ageMs: 6 })]]), [fresh, green]);
  t.deepEqual(mergeTables([[old, green]]), [old, green]);
});

test('mergeClaims() has each claim once, and as missing what is not the same in all workers', t => {
  const vtep = parseIp('192.0.2.2');
  const blue: InstalledClaim = { vni: BLUE, mac: MAC, vtep, addresses: [], mobility: 0, state: 'used' };
  const green = { ...blue, vni: GREEN };
  const missing = { ...blue, state: 'missing' };
  t.deepEqual(mergeClaims([[blue, green]]), [blue, green]);
  t.deepEqual(
    mergeClaims([
      [blue, green],
      [{ ...green }, { ...blue }],
    ]),
    [blue, green],
  );
  t.deepEqual(mergeClaims([[blue], []]), [missing]);
  t.deepEqual(mergeClaims([[], [blue]]), [missing]);
  t.deepEqual(mergeClaims([[blue], [{ ...blue, mobility: 1 }]]), [missing]);
});

test('mergeVteps() has each VTEP once, and as missing what is not the same in all workers', t => {
  const address = parseIp('192.0.2.2') as VtepAddress;
  const vtep: InstalledVtep = { address, port: 4789, tells: true, isMissing: false };
  const missing = { ...vtep, isMissing: true };
  t.deepEqual(mergeVteps([[vtep]]), [vtep]);
  t.deepEqual(mergeVteps([[vtep], [{ ...vtep }]]), [vtep]);
  t.deepEqual(mergeVteps([[vtep], []]), [missing]);
  t.deepEqual(mergeVteps([[vtep], [{ ...vtep, tells: false }]]), [missing]);
});

test('mergeCounters() adds up ports, drops and the underlay; an errno is no number to add', t => {
  const all: DataplaneCounters[] = [
    {
      underlay: counters({ rxFrames: 3, txErrors: 1, txGsoError: 0 }),
      ports: [{ vni: BLUE, port: 'tap0', counters: counters({ txFrames: 5 }) }],
      drops: [
        { vni: null, reasons: { unknown_vni: 1 } },
        { vni: BLUE, reasons: { runt: 2 } },
      ],
      answered: [{ vni: BLUE, arp: 1, nd: 2 }],
      closedPorts: [{ vni: BLUE, counters: counters({ rxFrames: 1 }) }],
      tables: [{ vni: BLUE, entries: 5, claims: 4, claimsUsed: 4 }],
      arenaBytes: 100,
    },
    {
      underlay: counters({ rxFrames: 4, txErrors: 2, txGsoError: 5 }),
      ports: [
        { vni: BLUE, port: 'tap0', counters: counters({ txFrames: 6 }) },
        { vni: GREEN, port: 'tap0', counters: counters({ txFrames: 7 }) },
      ],
      drops: [
        { vni: null, reasons: { unknown_vni: 10, unknown_vtep: 1 } },
        { vni: BLUE, reasons: {} },
      ],
      answered: [
        { vni: BLUE, arp: 10, nd: 20 },
        { vni: GREEN, arp: 3, nd: 0 },
      ],
      closedPorts: [{ vni: BLUE, counters: counters({ rxFrames: 2 }) }],
      tables: [
        { vni: BLUE, entries: 6, claims: 4, claimsUsed: 3 },
        { vni: GREEN, entries: 1, claims: 0, claimsUsed: 0 },
      ],
      arenaBytes: 100,
    },
    {
      underlay: counters({ txGsoError: 5 }),
      ports: [],
      drops: [],
      answered: [],
      closedPorts: [],
      tables: [],
      arenaBytes: 100,
    },
  ];
  t.deepEqual(mergeCounters(all), {
    underlay: counters({ rxFrames: 7, txErrors: 3, txGsoError: 5 }),
    ports: [
      { vni: BLUE, port: 'tap0', counters: counters({ txFrames: 11 }) },
      { vni: GREEN, port: 'tap0', counters: counters({ txFrames: 7 }) },
    ],
    drops: [
      { vni: null, reasons: { unknown_vni: 11, unknown_vtep: 1 } },
      { vni: BLUE, reasons: { runt: 2 } },
    ],
    answered: [
      { vni: BLUE, arp: 11, nd: 22 },
      { vni: GREEN, arp: 3, nd: 0 },
    ],
    closedPorts: [{ vni: BLUE, counters: counters({ rxFrames: 3 }) }],
    tables: [
      { vni: BLUE, entries: 6, claims: 4, claimsUsed: 3 },
      { vni: GREEN, entries: 1, claims: 0, claimsUsed: 0 },
    ],
    arenaBytes: 300,
  });
});
