import test from 'ava';
import { environmentOf, headersOf, parseCall, splitDelegated } from './call.ts';
import { CniError } from './cni-error.ts';

const ADD = { CNI_COMMAND: 'ADD', CNI_CONTAINERID: 'c1', CNI_NETNS: '/run/netns/c1', CNI_IFNAME: 'eth0' };

function codeOf(action: () => unknown): number | undefined {
  try {
    action();
    return undefined;
  } catch (error) {
    return error instanceof CniError ? error.code : Number.NaN;
  }
}

test('parseCall() takes the environment of a plugin', t => {
  const call = parseCall(
    { ...ADD, CNI_ARGS: 'IgnoreUnknown=1;;IP=198.18.0.2;K8S_POD_NAME=a=b' },
    { config: '{}' },
  );
  t.like(call, { command: 'ADD', container: 'c1', netns: '/run/netns/c1', ifname: 'eth0', config: '{}' });
  t.deepEqual(Object.fromEntries(call.args), { IgnoreUnknown: '1', IP: '198.18.0.2', K8S_POD_NAME: 'a=b' });
});

for (const [title, environment, code] of [
  ['no command', { ...ADD, CNI_COMMAND: undefined }, 4],
  ['an unknown command', { ...ADD, CNI_COMMAND: 'add' }, 4],
  ['ADD without a container', { ...ADD, CNI_CONTAINERID: '' }, 4],
  ['ADD without a namespace', { ...ADD, CNI_NETNS: undefined }, 4],
  ['ADD without an interface', { ...ADD, CNI_IFNAME: undefined }, 4],
  ['CHECK without a namespace', { ...ADD, CNI_COMMAND: 'CHECK', CNI_NETNS: '' }, 4],
  ['DEL without a namespace', { ...ADD, CNI_COMMAND: 'DEL', CNI_NETNS: '' }, undefined],
  ['DEL without a container', { ...ADD, CNI_COMMAND: 'DEL', CNI_CONTAINERID: '' }, 4],
  ['GC without any of it', { CNI_COMMAND: 'GC' }, undefined],
  ['STATUS without any of it', { CNI_COMMAND: 'STATUS' }, undefined],
  ['VERSION with dummies, as libcni has them', { CNI_COMMAND: 'VERSION', CNI_NETNS: 'dummy' }, undefined],
  ['an id that begins with a dash', { ...ADD, CNI_CONTAINERID: '-c1' }, 4],
  ['an id with a slash', { ...ADD, CNI_CONTAINERID: 'a/b' }, 4],
  ['an id of 129 characters', { ...ADD, CNI_CONTAINERID: 'a'.repeat(129) }, 4],
  ['an interface of 16 characters', { ...ADD, CNI_IFNAME: 'a'.repeat(16) }, 4],
  ['an interface with a colon', { ...ADD, CNI_IFNAME: 'eth0:1' }, 4],
  ['an interface with a blank', { ...ADD, CNI_IFNAME: 'eth 0' }, 4],
  ['an interface called ..', { ...ADD, CNI_IFNAME: '..' }, 4],
  ['arguments without a value', { ...ADD, CNI_ARGS: 'IP' }, 4],
] as const) {
  test(`parseCall(): ${title}: ${code === undefined ? 'taken' : `error ${code}`}`, t => {
    t.is(
      codeOf(() => parseCall(environment, { config: '{}' })),
      code,
    );
  });
}

test('an environment crosses as headers', t => {
  const environment = { ...ADD, CNI_ARGS: 'A=é', CNI_PATH: '/not/sent', HOME: '/root' };
  const { CNI_PATH: _, HOME: __, ...sent } = environment;
  t.deepEqual(environmentOf(headersOf(environment)), sent);
  t.is(
    codeOf(() => headersOf({ ...ADD, CNI_ARGS: 'A=b\r\nX: y' })),
    4,
  );
});

test('splitDelegated() tells both documents apart, in bytes', t => {
  t.deepEqual(splitDelegated('9 2\n{"é":""}{}'), { config: '{"é":""}', delegated: '{}' });
  for (const wrong of ['', '{}', '2 3\n{}{}', '1\n{}', 'x 2\n{}']) {
    t.is(
      codeOf(() => splitDelegated(wrong)),
      6,
      wrong,
    );
  }
});
