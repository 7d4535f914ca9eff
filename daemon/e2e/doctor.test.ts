/**
 * weft doctor: each cause is brought about for real, named, mended by what is printed, and gone.
 *
 *   a-c1 198.18.0.1 ── wf-blue ── [ weft a ] ─ eth0 ══ switch ══ eth0 ─ [ weft b ] ── 198.18.0.2 b-c1
 */
import { chmodSync, statSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import type { DoctorReport } from '../doctor/examination.ts';
import { isProblem } from '../doctor/finding.ts';
import type { Container } from '../lab/container.ts';
import type { Host } from '../lab/host.ts';
import { notTested } from '../lab/not-tested.ts';
import { ping } from '../lab/ping.ts';
import { type Vm, weftCommand } from '../lab/vm.ts';
import { inLab } from './in-lab.ts';
import { addAttached, assertPing, attachPair, BLUE, startPair, waitForPeer, waitForPing } from './overlay.ts';

/** A dozen starts of a command each, on a machine that may be busy. */
const PATIENCE_MS = 300_000;

const KEY = Buffer.alloc(32, 7).toString('base64');

interface Examination extends DoctorReport {
  readonly code: number | null;
  /** Verdicts of what is a problem, each once, in order of the alphabet. */
  readonly verdicts: readonly string[];
}

async function doctor(vm: Vm, ...args: readonly string[]): Promise<Examination> {
  const [program, ...command] = weftCommand('--socket', vm.apiSocket, 'doctor', '--json', ...args);
  const { code, stdout, stderr } = await vm.exec(program, command, { check: false });
  if (stdout === '') throw new Error(`weft doctor said nothing (exit ${code}): ${stderr}`);
  const report = JSON.parse(stdout) as DoctorReport;
  const verdicts = [...new Set(report.findings.filter(isProblem).map(({ verdict }) => verdict))];
  return { ...report, code, verdicts: verdicts.toSorted() };
}

function sentenceOf({ findings }: DoctorReport, verdict: string): string {
  return findings.find(one => one.verdict === verdict)?.sentence ?? '';
}

/** Rules at the way into a machine, or at another hook, until the next call. */
async function rules(
  host: Host,
  lines: readonly string[],
  hook = 'filter hook input priority -300',
): Promise<void> {
  const table = ['table inet lab {', 'chain rules {', `type ${hook}; policy accept;`, ...lines, '}', '}'];
  await host.exec('nft', ['-f', '-'], { input: `${table.join('\n')}\n` });
}

async function noRules(...hosts: readonly Host[]): Promise<void> {
  for (const host of hosts) await host.exec('nft', ['flush', 'ruleset']);
}

async function passes(from: Host, address: string): Promise<boolean> {
  return (await ping(from, address, { count: 2, waitS: 0.5 })).received > 0;
}

/** What the daemon puts back by itself (drift.test.ts) is for the doctor only where it cannot. */
const NO_REPAIR = { WEFT_INJECT: 'repair=EPERM' };

test('doctor: what is wrong with a host is named, and mended', async t => {
  t.timeout(PATIENCE_MS);
  await inLab(t, { name: 'doctor-host', wire: 'veth' }, async lab => {
    const pair = await startPair(lab, { gossipKey: KEY, env: NO_REPAIR });
    const { c1 } = await attachPair(pair);
    await waitForPing(c1, '198.18.0.2');
    const { a, b } = pair;
    const config = join(a.directory, 'weft.yaml');

    // The lab writes it for everybody to read.
    chmodSync(config, 0o600);
    const healthy = await doctor(a);
    t.deepEqual([healthy.code, healthy.verdicts, healthy.not_checked], [0, [], []]);
    t.like(healthy.paths[0], { peer: 'b', there: 1500, back: 1500, needed: 1500 });

    await provokeLinks(a);
    chmodSync(config, 0o644);
    const forward = await dropForwarded(t, a);
    t.false(await passes(c1, '198.18.0.2'));
    const broken = await doctor(a);
    const links = ['bridge-ipv6', 'key-file-open', 'link-detached', 'link-down', 'link-mac', 'link-mtu'];
    t.deepEqual(broken.verdicts, [...links, ...forward].toSorted());
    t.is(broken.code, 1);
    const mended = await doctor(a, '--fix');
    t.deepEqual([mended.code, mended.verdicts, mended.failed], [0, [], []]);
    t.deepEqual([...new Set(mended.mended.map(({ verdict }) => verdict))].toSorted(), broken.verdicts);
    await waitForPing(c1, '198.18.0.2');
    await noRules(a);

    await underlayTooSmall(t, a, c1);
    await reportWithoutSecrets(t, a);
    await daemonDown(t, a, b);
  });
});

/** One of each kind, on links that stay there. */
async function provokeLinks(a: Vm): Promise<void> {
  const veth = (await a.links()).find(({ ifname }) => ifname.startsWith('wv'))?.ifname;
  await a.ip(
    'link set dev wf-blue address 02:00:00:00:00:99',
    'link set dev wt-blue mtu 1400',
    `link set dev ${veth} nomaster`,
    `link set dev ${veth} down`,
  );
  await a.sysctl({ 'net.ipv6.conf.wf-blue.disable_ipv6': 0 });
}

/** As Docker does. Returns the verdict, if this machine shows frames of bridges to such rules. */
async function dropForwarded(t: ExecutionContext, a: Vm): Promise<readonly string[]> {
  const setting = 'net.bridge.bridge-nf-call-iptables';
  const set = await a.exec('sysctl', ['-w', `${setting}=1`], { check: false });
  if (set.code !== 0) {
    notTested(t, `forward-dropped: this kernel has no br_netfilter (${set.stderr.trim()})`);
    return [];
  }
  const chain =
    'add table ip lab; add chain ip lab FORWARD { type filter hook forward priority 0; policy drop; }';
  await a.exec('nft', [chain]);
  return ['forward-dropped'];
}

async function underlayTooSmall(t: ExecutionContext, a: Vm, c1: Container): Promise<void> {
  await a.ip('link set dev eth0 mtu 1400');
  const report = await doctor(a, 'b');
  t.deepEqual(report.verdicts, ['path-mtu', 'underlay-mtu']);
  t.regex(
    sentenceOf(report, 'path-mtu'),
    /^Packets of more than (1399|1400) bytes are lost from this host to b/,
  );
  const mended = await doctor(a, '--fix=all');
  t.deepEqual([mended.code, mended.verdicts], [0, []]);
  await assertPing(t, c1, '198.18.0.2', { size: 1422 });
}

/** Not even where somebody has written the key into a rule. */
async function reportWithoutSecrets(t: ExecutionContext, a: Vm): Promise<void> {
  await a.exec('nft', [`add table inet lab; add chain inet lab c { comment "${KEY}"; }`]);
  const file = join(a.directory, 'report.tar.gz');
  const [program, ...command] = weftCommand('--socket', a.apiSocket, 'report', file, '--json');
  const { stdout } = await a.exec(program, command);
  t.like(JSON.parse(stdout), { file });
  t.is(statSync(file).mode & 0o777, 0o600);
  const { stdout: everything } = await a.exec('tar', ['-xzOf', file]);
  for (const form of [KEY, Buffer.from(KEY, 'base64').toString('hex')]) t.false(everything.includes(form));
  for (const part of ['"wf-blue"', '(removed)', 'qdisc', 'Udp:', 'tx-checksumming'])
    t.true(everything.includes(part), part);
  await noRules(a);
}

async function daemonDown(t: ExecutionContext, a: Vm, b: Vm): Promise<void> {
  await b.stopWeft();
  const other = await doctor(a, 'b');
  t.deepEqual(other.verdicts, ['gossip-silent']);
  t.regex(sentenceOf(other, 'gossip-silent'), /nobody listens on its TCP port 7946/);

  await b.ip('link add vx0 type vxlan id 5 dstport 4789 local 192.0.2.2 nolearning', 'link set vx0 up');
  const down = await doctor(b, '--config', join(b.directory, 'weft.yaml'), '--fix=all');
  t.is(down.node, null);
  t.deepEqual(down.verdicts, ['daemon-down', 'port-taken']);
  t.regex(sentenceOf(down, 'port-taken'), /UDP port 4789 is taken by vx0, a VXLAN device of the kernel/);
  const mend = down.findings.find(({ verdict }) => verdict === 'port-taken')?.mend ?? '';
  await b.exec('sh', ['-c', mend]);
  await b.restartWeft();
  await waitForPeer(a, 'b', 'alive');
  t.deepEqual((await doctor(b, 'a')).verdicts, []);
}

test('doctor: what keeps containers from getting out by their gateway is named, and mended', async t => {
  t.timeout(PATIENCE_MS);
  await inLab(t, { name: 'doctor-gateway', wire: 'veth' }, async lab => {
    const network = { ...BLUE, subnet6: '2001:db8:18::/64', gateway: true };
    const { a, b } = await startPair(lab, { networks: [network], env: NO_REPAIR });
    const c1 = await addAttached(a, 'c1', { addresses: ['198.18.0.2/24', '2001:db8:18::2/64'] });
    await waitForPing(c1, b.underlay);
    t.deepEqual((await doctor(a)).verdicts, []);

    const causes: readonly (readonly [verdict: string, fix: string, bringAbout: () => Promise<unknown>])[] = [
      ['gateway-address', '--fix', () => a.ip('address flush dev wf-blue')],
      // The daemon leaves it to whoever has switched forwarding on for all.
      [
        'forwarding-off',
        '--fix=all',
        async () => {
          await a.sysctl({ 'net.ipv4.ip_forward': 1 });
          await a.sysctl({ 'net.ipv4.conf.eth0.forwarding': 0 });
        },
      ],
      [
        'gateway-dropped',
        '--fix=all',
        () => rules(a, [`iifname "wf-*" oifname "eth0" drop`], 'filter hook forward priority 0'),
      ],
    ];
    for (const [verdict, fix, bringAbout] of causes) {
      await bringAbout();
      t.false(await passes(c1, b.underlay), verdict);
      t.deepEqual((await doctor(a)).verdicts, [verdict]);
      const mended = await doctor(a, fix);
      t.deepEqual([mended.code, mended.verdicts, mended.failed], [0, [], []], verdict);
      await waitForPing(c1, b.underlay);
    }
  });
});

test('doctor: what is wrong on the path to a peer is named, with its direction', async t => {
  t.timeout(PATIENCE_MS);
  await inLab(t, { name: 'doctor-path' }, async lab => {
    const pair = await startPair(lab);
    const { c1 } = await attachPair(pair);
    await waitForPing(c1, '198.18.0.2');
    const { a, b } = pair;

    await rules(b, ['udp dport 4789 drop']);
    if (await passes(c1, '198.18.0.2')) {
      notTested(t, 'the path to a peer: nftables rules of this machine do not meet packets');
      return;
    }
    await rules(b, ['udp dport 7946 drop']);
    const out = await doctor(a);
    t.deepEqual(out.verdicts, ['gossip-udp-blocked', 'vxlan-blocked-out']);
    t.regex(sentenceOf(out, 'gossip-udp-blocked'), /from this host to b/);
    // The other side sees its own rules, and that nothing comes back.
    const there = await doctor(b, '--fix=all');
    t.deepEqual(there.verdicts, []);
    t.deepEqual([...new Set(there.mended.map(({ verdict }) => verdict))].toSorted(), [
      'gossip-dropped',
      'vxlan-dropped',
    ]);
    t.deepEqual((await doctor(a)).verdicts, []);
    await waitForPing(c1, '198.18.0.2');
    await noRules(b);

    // By a mark that the doctor does not understand: what is named is what it does.
    await rules(a, ['udp dport { 4789, 7946 } meta mark 0 drop']);
    const back = await doctor(a);
    t.deepEqual(back.verdicts, ['gossip-udp-blocked', 'vxlan-blocked-in']);
    t.regex(sentenceOf(back, 'gossip-udp-blocked'), /from b to this host/);
    await noRules(a);

    await rules(b, ['udp dport 4789 meta length > 1400 drop', 'tcp dport 7946 drop']);
    const large = await doctor(a);
    t.deepEqual(large.verdicts, ['gossip-tcp-blocked', 'path-mtu']);
    t.regex(
      sentenceOf(large, 'path-mtu'),
      /more than (1399|1400) bytes are lost from this host to b, and no router/,
    );
    await noRules(b);
    await rules(a, ['udp dport 4789 meta length > 1300 drop']);
    t.regex(
      sentenceOf(await doctor(a), 'path-mtu'),
      /more than (1299|1300) bytes are lost from b to this host/,
    );
    await noRules(a);

    await rules(a, ['udp dport 4789 meta mark 0 drop'], 'filter hook output priority -300');
    t.deepEqual((await doctor(a)).verdicts, ['vxlan-refused']);
    await noRules(a);

    await rules(
      a,
      ['udp dport 4789 ip saddr 192.0.2.1 ip saddr set 192.0.2.77'],
      'filter hook postrouting priority 300',
    );
    const translated = await doctor(a);
    t.deepEqual(translated.verdicts, ['nat-rewrite']);
    t.regex(sentenceOf(translated, 'nat-rewrite'), /from 192\.0\.2\.1 reaches b from 192\.0\.2\.77/);
    await noRules(a);

    // As a network card does that sums wrongly; what was whole before it passes.
    await rules(
      a,
      ['udp dport 4789 udp sport != 4788 udp checksum set 0x1234'],
      'filter hook postrouting priority 300',
    );
    const corrupted = await doctor(a);
    t.deepEqual(corrupted.verdicts, ['checksum-corrupted']);
    t.regex(sentenceOf(corrupted, 'checksum-corrupted'), /network card of this host/);
  });
});
