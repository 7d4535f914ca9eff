/** The program that runtimes call, held to its protocol: real processes, and a daemon's end of the socket that tells what it was asked. */
import { spawn } from 'node:child_process';
import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import test, { type ExecutionContext } from 'ava';
import { systemClock } from '../../dataplane/clock.ts';
import { startApiServer } from '../api/server.ts';
import { searchPath } from '../net/launcher.ts';
import { packageRoot } from '../package-info.ts';
import { fakeCni } from '../testing/fake-cni.ts';
import { fakeConfig } from '../testing/fake-config.ts';
import { fakeHandOver } from '../testing/fake-hand-over.ts';
import { FakeNode } from '../testing/fake-node.ts';
import { memoryLog } from '../testing/memory-log.ts';
import { tempDirectory } from '../testing/temp-directory.ts';
import type { CniCall } from './call.ts';
import { carryOutPending } from './pending.ts';

const NATIVE = join(packageRoot, 'daemon/cni/native/build/weft-cni');
const FALLBACK = join(packageRoot, 'dist/daemon/cni/main.js');
const ADD = { CNI_COMMAND: 'ADD', CNI_CONTAINERID: 'c1', CNI_NETNS: '/run/netns/c1', CNI_IFNAME: 'eth0' };

interface Printed {
  readonly code: number | null;
  readonly out: string;
}

async function run(program: string, env: Readonly<Record<string, string>>, input: string): Promise<Printed> {
  const [command, ...args] = program.endsWith('.js') ? [process.execPath, program] : [program];
  const child = spawn(command as string, args, { env, stdio: ['pipe', 'pipe', 'inherit'] });
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  const [out, code] = await Promise.all([
    text(child.stdout),
    new Promise<number | null>(resolve => child.on('close', resolve)),
  ]);
  return { code, out };
}

/** A daemon's API that echoes CNI calls, and a directory of IPAM plugins. */
async function rig(t: ExecutionContext, { isUp = true } = {}) {
  const directory = await tempDirectory(t);
  const socket = join(directory, 'api.sock');
  if (isUp) {
    const modules = {
      operations: new FakeNode(),
      config: fakeConfig,
      cni: fakeCni,
      handOver: fakeHandOver,
      log: memoryLog().log,
      clock: systemClock,
    };
    const server = await startApiServer(modules, { socketPath: socket });
    t.teardown(() => server.close());
  }
  const plugins = join(directory, 'plugins');
  mkdirSync(plugins);
  const addPlugin = (name: string, script: string) => {
    writeFileSync(join(plugins, name), `#!/bin/sh\n${script}\n`);
    chmodSync(join(plugins, name), 0o755);
  };
  const config = (changes: object = {}) =>
    JSON.stringify({ cniVersion: '1.0.0', name: 'blue', socket, ...changes });
  const path = { CNI_PATH: `/weft-no-such:${plugins}`, PATH: searchPath() ?? '' };
  return { directory, socket, config, path, addPlugin };
}

for (const [name, program] of [
  ['weft-cni', NATIVE],
  ['main.ts', FALLBACK],
] as const) {
  test(`${name} hands over what it was called with, and prints what comes back`, async t => {
    const { config } = await rig(t);
    const input = config({ note: 'é "quoted" \\ and\nmore' });
    const { code, out } = await run(program, ADD, input);
    t.is(code, 0);
    t.deepEqual(JSON.parse(out), { command: 'ADD', container: 'c1', config: input });
    t.is(
      (await run(program, { ...ADD, CNI_COMMAND: 'CHECK' }, config())).code,
      1,
      'an error is told by the status',
    );
  });

  test(`${name} answers VERSION with no daemon there`, async t => {
    const { config } = await rig(t, { isUp: false });
    const { code, out } = await run(program, { CNI_COMMAND: 'VERSION', CNI_NETNS: 'dummy' }, config());
    t.is(code, 0);
    t.deepEqual(JSON.parse(out), {
      cniVersion: '1.0.0',
      supportedVersions: ['0.3.0', '0.3.1', '0.4.0', '1.0.0', '1.1.0'],
    });
  });

  test(`${name} without a daemon: ADD may be tried again, STATUS tells of a lack`, async t => {
    const { config } = await rig(t, { isUp: false });
    const add = await run(program, ADD, config({ cniVersion: '0.4.0' }));
    t.like({ ...JSON.parse(add.out), status: add.code }, { cniVersion: '0.4.0', code: 11, status: 1 });
    const status = await run(program, { CNI_COMMAND: 'STATUS' }, config());
    t.like({ ...JSON.parse(status.out), status: status.code }, { code: 51, status: 1 });
  });

  test(`${name} refuses an environment that is none`, async t => {
    const { config } = await rig(t);
    for (const env of [{}, { ...ADD, CNI_ARGS: 'A=b\nX-Cni-Command: DEL' }, { ...ADD, CNI_COMMAND: 'NOW' }]) {
      const { code, out } = await run(program, env, config());
      t.like({ ...JSON.parse(out), status: code }, { code: 4, status: 1 }, out);
    }
  });
}

test('weft-cni runs the IPAM plugin of the configuration, and hands over what that says', async t => {
  const { config, path, addPlugin } = await rig(t);
  addPlugin('my-ipam', 'cat >&2; printf \'{"ips":[],"said":"%s"}\' "$CNI_COMMAND"');
  const input = config({ ipam: { type: 'my-ipam', subnet: '198.18.0.0/24' } });
  const { code, out } = await run(NATIVE, { ...ADD, ...path }, input);
  t.is(code, 0, out);
  t.deepEqual(JSON.parse(out), {
    command: 'ADD',
    container: 'c1',
    config: input,
    delegated: '{"ips":[],"said":"ADD"}',
  });
  const ours = await run(NATIVE, { ...ADD, ...path }, config({ ipam: { type: 'weft' } }));
  t.is(JSON.parse(ours.out).delegated, undefined);
});

test('weft-cni: an IPAM plugin that fails is the answer, and one that is missing is told of', async t => {
  const { config, path, addPlugin } = await rig(t);
  addPlugin('full', 'echo \'{"code":99,"msg":"no room"}\'; exit 1');
  const full = await run(NATIVE, { ...ADD, ...path }, config({ ipam: { type: 'full' } }));
  t.deepEqual([full.code, JSON.parse(full.out)], [1, { code: 99, msg: 'no room' }]);
  const none = await run(NATIVE, { ...ADD, ...path }, config({ ipam: { type: 'none' } }));
  t.like({ ...JSON.parse(none.out), status: none.code }, { code: 5, status: 1 });
});

test('weft-cni gives back what an IPAM plugin gave when the daemon refuses, or is not there', async t => {
  for (const isUp of [true, false]) {
    const { config, path, addPlugin, directory } = await rig(t, { isUp });
    addPlugin('noted', `echo "$CNI_COMMAND" >>${directory}/noted; echo '{}'`);
    // The fake daemon refuses CHECK; of ADD it is an environment with nothing to attach.
    const env = isUp ? { ...ADD, CNI_CONTAINERID: '-' } : ADD;
    const { code } = await run(NATIVE, { ...env, ...path }, config({ ipam: { type: 'noted' } }));
    t.is(code, 1);
    t.is(readFileSync(join(directory, 'noted'), 'utf8'), 'ADD\nDEL\n');
  }
});

test('weft-cni remembers a DEL that no daemon takes; the next one carries it out', async t => {
  const { config, directory } = await rig(t, { isUp: false });
  const env = { ...ADD, CNI_COMMAND: 'DEL', CNI_NETNS: '', CNI_ARGS: 'A=b' };
  const first: string = config({ n: 1 });
  const second: string = config({ n: 2 });
  for (const input of [first, second]) t.deepEqual(await run(NATIVE, env, input), { code: 0, out: '' });
  writeFileSync(join(directory, 'cni', 'not-ours'), 'x');
  const calls: CniCall[] = [];
  const { log, lines } = memoryLog();
  let isRefused = true;
  const cni = async (call: CniCall) => {
    calls.push(call);
    return { ok: !isRefused, body: isRefused ? '{"code":5}' : '' };
  };
  await carryOutPending({ log, cni }, directory);
  t.is(readdirSync(join(directory, 'cni')).length, 3, 'what fails stays');
  isRefused = false;
  await carryOutPending({ log, cni }, directory);
  t.deepEqual(readdirSync(join(directory, 'cni')), ['not-ours']);
  t.deepEqual(
    calls.map(({ config: given }) => given),
    [first, second, first, second],
  );
  t.like(calls[0], { command: 'DEL', container: 'c1', netns: '', ifname: 'eth0' });
  t.is(lines.filter(({ msg }) => /^carried out/.test(String(msg))).length, 2);
});

test('weft-cni: where no daemon has ever run there is nothing to delete', async t => {
  const { directory } = await rig(t, { isUp: false });
  const input = JSON.stringify({
    cniVersion: '1.0.0',
    name: 'blue',
    socket: join(directory, 'none', 'api.sock'),
  });
  t.deepEqual(await run(NATIVE, { ...ADD, CNI_COMMAND: 'DEL' }, input), { code: 0, out: '' });
});

test('weft-cni reads strings of the outermost object alone, whatever is around them', async t => {
  const { socket } = await rig(t);
  const inputs = [
    `{"a":{"socket":"/no"},"b":["socket",{"socket":"/no"}],"c":"\\"socket\\":\\"/no\\"","socket" : "${socket}"}`,
    `\n{ "socket"\n:\t"${socket}" }`,
  ];
  for (const input of inputs) t.is((await run(NATIVE, ADD, input)).code, 0, input);
  for (const input of [
    '',
    '{',
    '{"socket',
    '{"socket":',
    '{"socket":"',
    '"',
    '[',
    '{"socket":1}',
    '\\',
    '{"socket":"\\u0041"}',
  ]) {
    const { code, out } = await run(NATIVE, { ...ADD, CNI_COMMAND: 'STATUS' }, input);
    t.is(code, 1, input);
    t.notThrows(() => JSON.parse(out), input);
  }
});
