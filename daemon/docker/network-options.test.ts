import test from 'ava';
import { WeftError } from '../../dataplane/errors.ts';
import { derivedName, noGateway, wantedNetwork } from './network-options.ts';
import { createNetworkSchema, LABEL, parseBody } from './protocol.ts';

const ID = '7c690bd790c36e652537d1beabcc19ce2ca68d1801356ac50ed64a0ac150a475';

/** As dockerd 20.10 sends it. */
function request(options: Record<string, string> | null, v4: object[] = [], v6: object[] | null = null) {
  const Options = { 'com.docker.network.enable_ipv6': false, [LABEL.generic]: options };
  return parseBody('CreateNetwork', createNetworkSchema, {
    NetworkID: ID,
    Options,
    IPv4Data: v4,
    IPv6Data: v6,
  });
}

const OURS = { AddressSpace: 'weft', Pool: '198.18.0.0/24', Gateway: noGateway(false) };

test('wantedNetwork: what was asked for, as numbers and words', t => {
  const wanted = wantedNetwork(
    request(
      { network: 'blue', vni: '42', [LABEL.mtu]: '1400', attach: 'tap' },
      [OURS],
      [{ AddressSpace: 'weft', Pool: '2001:db8:18::/64', Gateway: noGateway(true) }],
    ),
  );
  t.deepEqual(wanted, {
    network: 'blue',
    vni: 42,
    mtu: 1400,
    attach: 'tap',
    subnet: '198.18.0.0/24',
    subnet6: '2001:db8:18::/64',
    gateway: undefined,
    isInternal: false,
    exclude: [],
    isOurs: true,
  });
});

const NAMED = { ...OURS, Gateway: '198.18.0.1/24', AuxAddresses: { x: '198.18.0.9/24' } };
const FOREIGN = { AddressSpace: 'LocalDefault', Pool: '198.18.0.0/24', Gateway: '198.18.0.1/24' };

test('wantedNetwork: --gateway is the gateway, and what is reserved is given to nobody', t => {
  t.like(wantedNetwork(request(null, [NAMED])), { gateway: ['198.18.0.1'], exclude: ['198.18.0.9'] });
});

test('wantedNetwork: --gateway of somebody else is given to nobody', t => {
  const exclude = ['198.18.0.1', '198.18.0.9'];
  t.like(wantedNetwork(request({ gateway: 'false' }, [NAMED])), { gateway: undefined, exclude });
});

test('wantedNetwork: a gateway at the first addresses', t => {
  t.deepEqual(wantedNetwork(request({ gateway: 'true' }, [OURS])).gateway, []);
});

test('wantedNetwork: the gateway that the IPAM of Docker takes is ours only if it is asked for', t => {
  t.like(wantedNetwork(request({}, [FOREIGN])), {
    exclude: [],
    gateway: undefined,
    isOurs: false,
    subnet: '198.18.0.0/24',
  });
  t.deepEqual(wantedNetwork(request({ gateway: 'true' }, [FOREIGN])).gateway, ['198.18.0.1']);
});

test('wantedNetwork: --internal has none', t => {
  const internal = request(null, [NAMED]);
  internal.Options[LABEL.internal] = true;
  t.like(wantedNetwork(internal), { gateway: undefined, isInternal: true });
  internal.Options[LABEL.generic] = { gateway: 'true' };
  t.throws(() => wantedNetwork(internal), { message: 'an --internal network has no gateway' });
});

test('wantedNetwork: the IPAM driver null has no subnet', t => {
  const pool = { AddressSpace: 'null', Pool: '0.0.0.0/0', Gateway: '' };
  t.is(wantedNetwork(request({ network: 'blue' }, [pool])).subnet, undefined);
});

const REFUSED: readonly [string, Record<string, string>, object[], RegExp][] = [
  [
    'an unknown option',
    { colour: 'red' },
    [OURS],
    /^weft has no option colour; use -o network, vni, mtu, attach, gateway$/,
  ],
  ['a VNI that is none', { vni: '0' }, [OURS], /^-o vni: /],
  ['a word for a VNI', { vni: 'x' }, [OURS], /^-o vni: "x" is not a VNI; write a whole number/],
  ['a name that is none', { network: 'Blue!' }, [OURS], /^-o network: /],
  ['an MTU that is none', { mtu: '12' }, [OURS], /^-o mtu: 12 is not an MTU/],
  ['a gateway without a subnet', { gateway: 'true' }, [], /^a gateway needs a subnet/],
  ['a gateway that is no word', { gateway: '198.18.0.1' }, [OURS], /^-o gateway: /],
  ['a mode that is none', { attach: 'macvtap' }, [OURS], /^-o attach: /],
  ['two subnets of IPv4', {}, [OURS, { ...OURS, Pool: '198.18.1.0/24' }], /one subnet of each IP version/],
  ['host bits', {}, [{ ...OURS, Pool: '198.18.0.1/24' }], /bits set beyond its prefix/],
];

for (const [title, options, pools, line] of REFUSED) {
  test(`wantedNetwork refuses ${title}`, t => {
    const error = t.throws(() => wantedNetwork(request(options, pools)), { instanceOf: WeftError });
    t.regex(error?.line ?? '', line);
  });
}

test('derivedName: the same for the same command, a legal name, and another one for another network', t => {
  const nameOf = (options: Record<string, string>, subnet = '198.18.0.0/24') =>
    derivedName(wantedNetwork(request(options, [{ ...OURS, Pool: subnet }])));
  t.is(nameOf({}), nameOf({ attach: 'tap' }));
  t.regex(nameOf({}), /^docker-[0-9a-f]{5}$/);
  t.not(nameOf({}), nameOf({}, '198.18.1.0/24'));
  t.is(nameOf({ vni: '42' }), nameOf({ vni: '42' }, '198.18.1.0/24'));
});
