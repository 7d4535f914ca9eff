/** The built program as its users meet it: processes, exit statuses, signals, sockets. */
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { lstat, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import test, { type ExecutionContext } from 'ava';
import { REPORT_NAMES } from './api/reports.ts';
import { packageRoot } from './package-info.ts';
import { FakeNode } from './testing/fake-node.ts';
import { tempDirectory } from './testing/temp-directory.ts';
import { runWeft, startFakeDaemon, WeftProcess } from './testing/weft-process.ts';

async function prepare(t: ExecutionContext, more = '') {
  const directory = await tempDirectory(t);
  const config = join(directory, 'weft.yaml');
  const run = join(directory, 'run');
  await writeFile(config, `node: {name: vm-a}\npaths: {state: ${directory}/state, run: ${run}}\n${more}`);
  const socket = join(run, 'api.sock');
  return { directory, config, run, socket, env: { WEFT_SOCKET: socket } };
}

const attach = (netns: string) => ['attach', netns, '--network', 'blue'];

// One after another: each starts several processes.
test.serial('main.js has a shebang and answers --version', async t => {
  t.regex(await readFile(join(packageRoot, 'dist/daemon/main.js'), 'utf8'), /^#!\/usr\/bin\/env node\n/);
  t.deepEqual(await runWeft(['--version']), { code: 0, signal: null, stdout: '0.1.0\n', stderr: '' });
});

test.serial(
  'commands against a daemon: JSON as the node gave it, one line and exit 1 for a refusal',
  async t => {
    const { config, socket, run, env } = await prepare(t);
    await startFakeDaemon(t, config);
    t.is((await lstat(socket)).mode & 0o777, 0o600);
    t.is((await lstat(run)).mode & 0o777, 0o755);
    t.deepEqual(await readdir(run), ['api.sock']);
    const node = new FakeNode();
    for (const name of REPORT_NAMES) {
      const { code, stdout, stderr } = await runWeft([name, '--json'], { env });
      t.deepEqual({ code, stderr }, { code: 0, stderr: '' });
      t.deepEqual<unknown, unknown>(JSON.parse(stdout), await node[name]());
    }
    const refused = await runWeft(['attach', 'web', '--network', 'red'], { env });
    t.like(refused, { code: 1, stdout: '' });
    t.is(refused.stderr, 'weft: there is no network "red" on this node; known ones: blue, green\n');
  },
);

test.serial('metrics: on the listener, on the API socket and by weft metrics, all the same', async t => {
  const listener = createServer().listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const { port } = listener.address() as AddressInfo;
  const { config, env } = await prepare(t, `metrics: {listen: "127.0.0.1:${port}"}\n`);
  const taken = await runWeft(['daemon', '--config', config], { entry: 'fake' });
  t.is(taken.code, 1);
  t.is(
    taken.stderr,
    `weft: cannot listen for metrics on 127.0.0.1:${port}: the address is in use; set metrics.listen to another port, or end what listens there: ss -ltnp\n`,
  );
  t.false(taken.stdout.includes('fake node started'));
  listener.close();
  await once(listener, 'close');

  const daemon = await startFakeDaemon(t, config);
  const expected = await new FakeNode().metrics('text');
  const scraped = await fetch(`http://127.0.0.1:${port}/metrics`);
  t.is(await scraped.text(), expected);
  t.is((await fetch(`http://127.0.0.1:${port}/healthz`)).status, 200);
  t.like(await runWeft(['metrics'], { env }), { code: 0, stdout: expected, stderr: '' });
  const { stdout } = await runWeft(['metrics', '--openmetrics'], { env });
  t.is(stdout, await new FakeNode().metrics('openmetrics'));
  daemon.child.kill('SIGTERM');
  t.is((await daemon.outcome).code, 0);
  await t.throwsAsync(fetch(`http://127.0.0.1:${port}/healthz`));
});

test.serial('log.format text: lines for people', async t => {
  const { config } = await prepare(t, 'log: {format: text}\n');
  const daemon = new WeftProcess(['daemon', '--config', config], { entry: 'fake' });
  t.teardown(() => {
    daemon.child.kill('SIGKILL');
  });
  await daemon.printed(' INFO  ready node=vm-a event=ready component=daemon socket=');
  daemon.child.kill('SIGTERM');
  const { code, stdout } = await daemon.outcome;
  t.is(code, 0);
  t.regex(stdout, /^\d{4}-\S+Z INFO {2}starting node=vm-a event=starting /);
});

test.serial('a table of many thousands arrives whole at the other end of a pipe', async t => {
  const { socket, run, env } = await prepare(t);
  await mkdir(run);
  const entry = {
    network: 'blue',
    vni: 42,
    mac: '02:00:5e:10:00:01',
    where: 'local',
    vtep: null,
    origin: 'learned',
  };
  const table = Array.from({ length: 20_000 }, (_, age_s) => ({ ...entry, age_s }));
  const server = createServer((_, response) => response.end(JSON.stringify(table))).listen(socket);
  t.teardown(() => server.close());
  await once(server, 'listening');
  const { code, stdout } = await runWeft(['fdb', '--json'], { env });
  t.is(code, 0);
  t.deepEqual(JSON.parse(stdout), table);
});

test.serial('no daemon, wrong usage, wrong configuration: exit 1, 2, 1, each one line', async t => {
  const { config, socket, env } = await prepare(t, 'vxlan: {port: none}\n');
  const none = await runWeft(['status'], { env });
  t.is(none.code, 1);
  t.is(
    none.stderr,
    `weft: no weft daemon answers on ${socket}: no such socket; is it running? start it with: weft daemon, or name its socket with --socket\n`,
  );
  t.like(await runWeft(['status', '--nonsense']), {
    code: 2,
    stderr: "weft: unknown option '--nonsense'; see weft --help\n",
  });
  t.like(await runWeft(['daemon', '--config', config]), {
    code: 1,
    stdout: '',
    stderr: `weft: ${config}:3: vxlan.port: "none" is not a UDP port; write a whole number from 1 to 65535\n`,
  });
});

test.serial('SIGTERM and SIGINT stop the daemon in order: node stopped, socket gone, exit 0', async t => {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    const { config, run } = await prepare(t);
    const daemon = await startFakeDaemon(t, config);
    daemon.child.kill(signal);
    const { code, stdout, stderr } = await daemon.outcome;
    t.deepEqual({ code, stderr }, { code: 0, stderr: '' });
    const messages = logOf(stdout).map(line => line.msg);
    t.deepEqual(messages, [
      'starting',
      'fake node started',
      'ready',
      'stopping',
      'fake node stopped',
      'stopped',
    ]);
    t.like(logOf(stdout).at(-2), { reason: signal, node: 'vm-a' });
    t.deepEqual(await readdir(run), []);
  }
});

test.serial('a second signal ends a daemon whose node does not stop: at once, exit 1', async t => {
  const { config, env } = await prepare(t);
  const daemon = await startFakeDaemon(t, config);
  t.is((await runWeft(attach('stuck'), { env })).code, 0);
  daemon.child.kill('SIGTERM');
  await daemon.printed('"msg":"fake node stopped"');
  daemon.child.kill('SIGINT');
  const { code, stderr } = await daemon.outcome;
  t.is(code, 1);
  t.is(
    stderr,
    'weft: SIGINT is the second signal: ended at once, with no orderly stop; start weft again, it takes over what is left\n',
  );
});

test.serial('a second daemon is refused before its node starts; the first goes on', async t => {
  const { config, env, socket } = await prepare(t);
  await startFakeDaemon(t, config);
  const { code, stdout, stderr } = await runWeft(['daemon', '--config', config], { entry: 'fake' });
  t.is(code, 1);
  t.is(
    stderr,
    `weft: another weft daemon answers on ${socket}; stop it first, or set paths.run to another place\n`,
  );
  t.false(stdout.includes('fake node started'));
  t.is((await runWeft(['status'], { env })).code, 0);
});

test.serial('two daemons started at once: exactly one runs, the other undoes what it began', async t => {
  const { config, env, run } = await prepare(t);
  const options = { entry: 'fake', env: { WEFT_FAKE_START: 'slow' } } as const;
  const daemons = [1, 2].map(() => new WeftProcess(['daemon', '--config', config], options));
  t.teardown(() => {
    for (const daemon of daemons) daemon.child.kill('SIGKILL');
  });
  await Promise.all(daemons.map(daemon => daemon.printed('fake node waits')));
  for (const daemon of daemons) daemon.child.stdin.write('go');
  const loser = await Promise.race(daemons.map(daemon => daemon.outcome));
  t.is(loser.code, 1);
  t.regex(loser.stderr, /^weft: another weft daemon answers on [^\n]*\n$/);
  t.true(loser.stdout.includes('fake node stopped'));
  t.is((await runWeft(['status'], { env })).code, 0);
  t.deepEqual(await readdir(run), ['api.sock']);
});

test.serial('the socket of a daemon that was killed is taken over', async t => {
  const { config, env, socket } = await prepare(t);
  const first = await startFakeDaemon(t, config);
  first.child.kill('SIGKILL');
  t.is((await first.outcome).signal, 'SIGKILL');
  t.true((await lstat(socket)).isSocket());
  t.regex((await runWeft(['status'], { env })).stderr, /nobody listens/);
  await startFakeDaemon(t, config);
  t.is((await runWeft(['status'], { env })).code, 0);
});

test.serial('no socket answers before the node runs; SIGTERM while it starts stops it in order', async t => {
  const { config, env } = await prepare(t);
  const options = { entry: 'fake', env: { WEFT_FAKE_START: 'slow' } } as const;
  const daemon = new WeftProcess(['daemon', '--config', config], options);
  t.teardown(() => {
    daemon.child.kill('SIGKILL');
  });
  await daemon.printed('fake node waits');
  t.regex((await runWeft(['status'], { env })).stderr, /no weft daemon answers/);
  daemon.child.kill('SIGTERM');
  daemon.child.stdin.write('go');
  const { code, stdout } = await daemon.outcome;
  t.is(code, 0);
  t.true(stdout.includes('"msg":"fake node stopped"'));
});

test.serial('a node that cannot start is one line, exit 1, and no socket', async t => {
  const { config, socket } = await prepare(t);
  const failed = await runWeft(['daemon', '--config', config], {
    entry: 'fake',
    env: { WEFT_FAKE_START: 'fail' },
  });
  t.is(failed.code, 1);
  t.is(failed.stderr, 'weft: cannot open /dev/net/tun: permission denied; run as root\n');
  t.like(logOf(failed.stdout).at(-1), { level: 'fatal', err_code: 'not_permitted' });
  await t.throwsAsync(lstat(socket), { code: 'ENOENT' });
});

test.serial('a node that fails later is stopped: one line, exit 1, and no socket', async t => {
  const { config, env, run } = await prepare(t);
  const daemon = await startFakeDaemon(t, config);
  await runWeft(attach('fatal'), { env });
  const { code, stdout, stderr } = await daemon.outcome;
  t.is(code, 1);
  t.is(stderr, 'weft: the fake socket is lost: EBADF; start weft again\n');
  t.true(stdout.includes('"msg":"fake node stopped"'));
  t.deepEqual(await readdir(run), []);
});

test.serial('a defect, thrown or rejected, is logged as fatal with its stack: one line, exit 1', async t => {
  for (const [netns, reason] of [
    ['crash', 'fake defect'],
    ['reject', 'fake rejection'],
  ] as const) {
    const { config, env } = await prepare(t);
    const daemon = await startFakeDaemon(t, config);
    await runWeft(attach(netns), { env });
    const { code, stdout, stderr } = await daemon.outcome;
    t.is(code, 1);
    t.is(stderr, `weft: internal error: ${reason}; see the log, and report it\n`);
    const last = logOf(stdout).at(-1);
    t.like(last, { level: 'fatal', msg: 'uncaught exception', reason });
    t.regex(JSON.stringify(last), /fake-main/);
  }
});

test.serial('log.level of the configuration holds', async t => {
  const { config } = await prepare(t, 'log: {level: fatal}\n');
  const daemon = new WeftProcess(['daemon', '--config', config], {
    entry: 'fake',
    env: { WEFT_FAKE_START: 'fail' },
  });
  t.deepEqual(
    logOf((await daemon.outcome).stdout).map(line => line.level),
    ['fatal'],
  );
});

test.serial('--watch --json prints one document a line until SIGINT, then exits 0', async t => {
  const { config, env } = await prepare(t);
  await startFakeDaemon(t, config);
  const watch = new WeftProcess(['drops', '--json', '--watch'], { env });
  t.teardown(() => {
    watch.child.kill('SIGKILL');
  });
  await watch.printed(']\n[');
  watch.child.kill('SIGINT');
  const { code, signal, stdout, stderr } = await watch.outcome;
  t.deepEqual({ code, signal, stderr }, { code: 0, signal: null, stderr: '' });
  const documents = stdout.trimEnd().split('\n');
  t.true(documents.length >= 2);
  for (const document of documents) t.notThrows(() => JSON.parse(document));
});

test.serial('--watch ends with one line when the daemon goes away', async t => {
  const { config, env } = await prepare(t);
  const daemon = await startFakeDaemon(t, config);
  const watch = new WeftProcess(['peers', '--watch'], { env });
  await watch.printed('vm-b');
  daemon.child.kill('SIGKILL');
  const { code, stderr } = await watch.outcome;
  t.is(code, 1);
  t.regex(stderr, /^weft: no weft daemon answers on [^\n]*\n$/);
});

test.serial('a reader that goes away ends a command quietly', async t => {
  const { config, env } = await prepare(t);
  await startFakeDaemon(t, config);
  const watch = new WeftProcess(['peers', '--json', '--watch'], { env });
  await watch.printed('vm-b');
  watch.child.stdout.destroy();
  const [code, signal] = await once(watch.child, 'exit');
  t.deepEqual([code, signal], [0, null]);
  t.is((await watch.outcome).stderr, '');
});

test.serial('main.js | head -1 prints one line and nothing on stderr', async t => {
  const { config, env } = await prepare(t);
  await startFakeDaemon(t, config);
  const script = '"$0" dist/daemon/main.js peers --watch | head -1; echo "$PIPESTATUS"';
  const { stdout, stderr } = await promisify(execFile)('bash', ['-c', script, process.execPath], {
    cwd: packageRoot,
    env: { ...process.env, ...env },
  });
  t.regex(stdout, /^NAME .*\n0\n$/);
  t.is(stderr, '');
});

interface LogLine {
  readonly level: string;
  readonly msg: string;
}

function logOf(stdout: string): readonly LogLine[] {
  return stdout
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line) as LogLine);
}
