import test from 'ava';
import { CniError } from './cni-error.ts';
import { parseCniConfig, versionOf } from './network-config.ts';

const BLUE = { cniVersion: '1.0.0', name: 'blue', type: 'weft-cni' };

function parse(changes: Readonly<Record<string, unknown>>, args: Readonly<Record<string, string>> = {}) {
  return parseCniConfig(JSON.stringify({ ...BLUE, ...changes }), new Map(Object.entries(args)));
}

test('the least: a name and a version', t => {
  t.deepEqual(parse({}), {
    version: '1.0.0',
    name: 'blue',
    network: 'blue',
    ips: [],
    mac: undefined,
    names: [],
    resolver: true,
    prevResult: undefined,
    validAttachments: [],
    ports: [],
    bandwidth: [
      { where: 'the configuration', keys: { cniversion: '1.0.0', name: 'blue', type: 'weft-cni' } },
    ],
  });
  t.is(parse({ name: 'My.Net', network: 'blue' }).network, 'blue');
});

test('what the runtime gives comes before what stands in arguments', t => {
  const args = { IP: '198.18.0.9', MAC: '02:00:00:00:00:09' };
  const cni = { cni: { ips: ['198.18.0.8/24'], mac: '02:00:00:00:00:08' } };
  const runtimeConfig = { ips: ['198.18.0.7/24'], mac: '02:00:00:00:00:07' };
  t.like(parse({ runtimeConfig, args: cni }, args), runtimeConfig);
  t.like(parse({ args: cni }, args), { ips: ['198.18.0.8/24'], mac: '02:00:00:00:00:08' });
  t.like(parse({}, args), { ips: ['198.18.0.9'], mac: '02:00:00:00:00:09' });
  t.deepEqual(parse({}, { IP: '198.18.0.9,2001:db8::9' }).ips, ['198.18.0.9', '2001:db8::9']);
});

test('keys of runtimeConfig as containerd 1.6 writes them, and lists that are null', t => {
  const runtimeConfig = {
    IPs: null,
    Mac: '02:00:00:00:00:07',
    Aliases: ['web'],
    portMappings: [{ HostPort: 8088, ContainerPort: 80, Protocol: 'tcp', HostIP: '' }],
    Bandwidth: { IngressRate: 1000 },
    dns: { Servers: ['192.0.2.53'], Searches: null },
  };
  const config = parse({ runtimeConfig, capabilities: { portMappings: true, bandwidth: true } });
  t.like(config, { ips: [], mac: '02:00:00:00:00:07' });
  t.deepEqual(config.bandwidth[0], { where: 'runtimeConfig: bandwidth', keys: { ingressrate: 1000 } });
  t.deepEqual(config.ports, [{ protocol: 'tcp', hostPort: 8088, containerPort: 80 }]);
  t.deepEqual(config.names, ['web']);
  // Runtimes hand it over to every plugin: it concerns those that have the capability.
  const without = parse({ runtimeConfig });
  t.deepEqual(without.ports, []);
  t.deepEqual(
    without.bandwidth.map(({ where }) => where),
    ['the configuration'],
  );
  t.notThrows(() =>
    parse({ runtimeConfig: null, prevResult: null, ipam: {}, args: null, capabilities: null }),
  );
});

test('ports as podman writes them, and of one address', t => {
  const portMappings = [
    { hostPort: 5353, containerPort: 53, protocol: 'UDP', hostIP: '192.0.2.1' },
    { hostPort: 8080, containerPort: 80, protocol: 'tcp', hostIP: '0.0.0.0' },
  ];
  const capabilities = { portMappings: true };
  t.deepEqual(parse({ runtimeConfig: { portMappings }, capabilities }).ports, [
    { protocol: 'udp', hostPort: 5353, containerPort: 53, hostAddress: '192.0.2.1' },
    { protocol: 'tcp', hostPort: 8080, containerPort: 80 },
  ]);
  t.deepEqual(parse({ runtimeConfig: { portMappings: null }, capabilities }).ports, []);
  for (const [wrong, message] of [
    [{ hostPort: 0, containerPort: 80 }, /portMappings\.0\.hostPort: 0 is not a port/],
    [{ hostPort: 8080 }, /portMappings\.0\.containerport/],
    [{ hostPort: 8080, containerPort: 80, protocol: 'sctp' }, /"sctp" is not known here/],
    [{ hostPort: 8080, containerPort: 80, hostIP: 'here' }, /hostAddress: "here" is not an IP address/],
  ] as const) {
    const error = t.throws(() => parse({ runtimeConfig: { portMappings: [wrong] }, capabilities }), {
      instanceOf: CniError,
      message,
    });
    t.is(error?.code, 7);
  }
});

test('aliases as podman 4.3 has them', t => {
  t.deepEqual(parse({ runtimeConfig: { aliases: { blue: ['web', '0123456789ab'] } } }).names, [
    'web',
    '0123456789ab',
  ]);
  t.deepEqual(parse({ runtimeConfig: { aliases: null } }).names, []);
});

test('what the runtime calls the container stands before its aliases, if it can be a name', t => {
  const runtimeConfig = { aliases: ['db', 'store'] };
  t.deepEqual(parse({ runtimeConfig }, { K8S_POD_NAME: 'Web-0' }).names, ['web-0', 'db', 'store']);
  for (const name of ['web.example', 'a'.repeat(64), ''])
    t.deepEqual(parse({}, { K8S_POD_NAME: name }).names, [], name);
  t.false(parse({ resolver: false }).resolver);
});

test('the result of plugins before, with what we do not know of it', t => {
  const prevResult = { cniVersion: '1.0.0', interfaces: [{ name: 'x' }], ips: null, vendor: 1 };
  t.like(parse({ prevResult }).prevResult, { interfaces: [{ name: 'x' }], ips: [], routes: [], vendor: 1 });
});

for (const [title, text, code] of [
  ['no JSON', '{', 6],
  ['nothing', '', 6],
  ['a list', '[]', 7],
  ['no version', JSON.stringify({ name: 'blue' }), 1],
  ['a version of later', JSON.stringify({ ...BLUE, cniVersion: '2.0.0' }), 1],
  ['a version of 2016', JSON.stringify({ ...BLUE, cniVersion: '0.2.0' }), 1],
  ['no name', JSON.stringify({ cniVersion: '1.0.0' }), 7],
  ['a name with a slash', JSON.stringify({ ...BLUE, name: 'a/b' }), 7],
  ['addresses that are no list', JSON.stringify({ ...BLUE, runtimeConfig: { ips: 'x' } }), 7],
  ['attachments without a name', JSON.stringify({ ...BLUE, 'cni.dev/valid-attachments': [{}] }), 7],
] as const) {
  test(`refused: ${title}`, t => {
    const error = t.throws(() => parseCniConfig(text), { instanceOf: CniError });
    t.is(error?.code, code, error?.message);
  });
}

test('versionOf() finds a version to answer in whatever the rest is', t => {
  t.is(versionOf('{"cniVersion" : "0.4.0", '), '0.4.0');
  for (const text of ['', '{}', '{"cniVersion":"9.9.9"}', 'nonsense']) t.is(versionOf(text), '1.0.0');
});
