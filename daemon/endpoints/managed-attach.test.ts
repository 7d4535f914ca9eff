import { execFileSync } from 'node:child_process';
import test, { type ExecutionContext } from 'ava';
import { WeftError } from '../../dataplane/errors.ts';
import type { AttachRequest } from '../operations.ts';
import type { Endpoint } from './endpoint.ts';
import { ManagedAttach } from './managed-attach.ts';
import type { AttachableNetwork } from './plan.ts';

function rig(
  t: ExecutionContext,
  { isManaged = true, failure }: { isManaged?: boolean; failure?: Error } = {},
) {
  const netns = `weft-managed-${process.pid}-${t.title.length}`;
  execFileSync('ip', ['netns', 'add', netns]);
  t.teardown(() => execFileSync('ip', ['netns', 'del', netns]));
  const attached: Endpoint[] = [];
  const log: string[] = [];
  const managed = new ManagedAttach({
    endpoints: {
      all: () => attached,
      attach: async request => {
        log.push(`attach ${request.addresses}`);
        if (failure !== undefined) throw failure;
        const endpoint = {
          hostLink: owner(),
          network: 'blue',
          addresses: [...request.addresses],
        } as unknown as Endpoint;
        attached.push(endpoint);
        return endpoint;
      },
    },
    networks: { find: () => ({ name: 'blue', attach: 'bridge' }) as AttachableNetwork },
    addresses: {
      isManaged: () => isManaged,
      gives: () => isManaged,
      isUsable: () => true,
      take: async (_, taker, wanted) => {
        if (!isManaged) throw new WeftError('unavailable', 'gives none');
        log.push(`take ${wanted} for ${taker}`);
        return wanted.map(one => (one === 'auto' ? '198.18.0.7/24' : one));
      },
      release: async (_, taker) => {
        log.push(`release of ${taker}`);
      },
    },
  });
  const owner = () =>
    log
      .find(line => line.startsWith('take'))
      ?.split(' ')
      .at(-1) ?? '';
  const request = (...addresses: string[]): AttachRequest => {
    return { netns, network: 'blue', addresses, ifname: 'eth0', mac: undefined };
  };
  return { attach: (...addresses: string[]) => managed.attach(request(...addresses)), log, owner, attached };
}

test('addresses are taken before, for the link that the endpoint will have', async t => {
  const { attach, log, owner } = rig(t);
  t.deepEqual((await attach('auto', '2001:db8::1/64')).addresses, ['198.18.0.7/24', '2001:db8::1/64']);
  t.regex(owner(), /^wv[0-9a-f]{12}$/);
  t.deepEqual(log.slice(1), ['attach 198.18.0.7/24,2001:db8::1/64']);
});

test('what fails gives them back', async t => {
  const { attach, log, owner } = rig(t, { failure: new WeftError('conflict', 'the interface is there') });
  await t.throwsAsync(attach('auto'), { message: 'the interface is there' });
  t.is(log.at(-1), `release of ${owner()}`);
});

test('one that is attached already keeps its own when a second request fails', async t => {
  const { attach, log, owner, attached } = rig(t, { failure: new WeftError('conflict', 'other parameters') });
  await t.throwsAsync(attach('auto'));
  attached.push({ hostLink: owner(), network: 'blue' } as Endpoint);
  log.length = 1;
  await t.throwsAsync(attach('auto'));
  t.false(log.some(line => line.startsWith('release')));
});

test('a network that does not give them is asked only for auto', async t => {
  const { attach, log } = rig(t, { isManaged: false });
  await attach('198.18.0.1/24');
  t.deepEqual(log, ['attach 198.18.0.1/24']);
  await t.throwsAsync(attach('auto'), { code: 'unavailable' });
});
