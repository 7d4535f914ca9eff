/**
 * The log as operators meet it: in the journal of systemd, by its fields, and with no key in it.
 *
 *   [ weft a, log.format auto, standard output ─► systemd-journald ]   gossip is encrypted
 */
import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import test from 'ava';
import { Journal } from '../lab/journal.ts';
import { weftCommand } from '../lab/vm.ts';
import { waitFor } from '../lab/wait-for.ts';
import { weftConfig } from '../lab/weft-config.ts';
import { inLab } from './in-lab.ts';
import { addWeftVm, BLUE } from './overlay.ts';

test('logs: the journal has every field under its name, and no key in any of them', async t => {
  await inLab(t, 'journal', async lab => {
    const keys = [randomBytes(32), randomBytes(16)];
    const [used = '', further = ''] = keys.map(key => key.toString('base64'));
    const vm = await lab.addVm('a', { underlay: '192.0.2.1/24' });
    const override = { gossip: { key: used, join: ['192.0.2.2'] }, log: { level: 'trace' } };
    vm.writeConfig(JSON.stringify(weftConfig(vm, { networks: [BLUE], override })));
    const directory = `${vm.directory}/log`;
    mkdirSync(directory);
    const journal = new Journal(vm, directory, weftCommand('daemon', '--config', vm.configPath));
    // A daemon starts in a second; several beside others on a busy machine do not.
    const event = async (name: string) => {
      const what = `${name} in the journal`;
      return await waitFor(async () => (await journal.entries(`WEFT_EVENT=${name}`))[0], {
        what,
        timeoutMs: 60_000,
      });
    };

    const ready = await event('ready');
    t.like(ready, {
      MESSAGE: `ready node=a event=ready component=daemon socket=${vm.apiSocket}`,
      PRIORITY: '6',
      SYSLOG_IDENTIFIER: 'weft',
      WEFT_NODE: 'a',
      WEFT_COMPONENT: 'daemon',
      WEFT_SOCKET: vm.apiSocket,
      _TRANSPORT: 'journal',
    });
    // Nobody is at the address that it is to join.
    t.like(await event('join_failed'), {
      PRIORITY: '4',
      WEFT_TARGET: '192.0.2.2:7946',
      WEFT_COMPONENT: 'control',
    });
    t.is((await journal.entries('WEFT_EVENT=stopped')).length, 0);

    // Another node with the key, and changes of keys, in vain and not: all of it is told of, by fingerprints.
    const b = await addWeftVm(lab, 2, { gossipKey: used });
    await event('peer_alive');
    await vm.weft(['gossip', 'keys', 'add', '-'], { input: further });
    const { WEFT_FINGERPRINT = '' } = await event('key_added');
    t.regex(WEFT_FINGERPRINT, /^[0-9a-f]{16}$/);
    await vm.weft(['gossip', 'keys', 'add', `${further.slice(0, -4)}!!==`], { check: false });
    await event('request_refused');
    const { stdout: metrics } = await vm.weft(['metrics']);
    const { stdout: status } = await vm.weft(['status', '--json']);
    const written = [await journal.exported(), b.daemon.stdout, b.daemon.stderr, metrics, status].join('\n');
    t.true(written.includes('WEFT_EVENT=key_added'));
    for (const key of keys)
      for (const encoding of ['base64', 'base64url', 'hex', 'latin1'] as const)
        t.false(written.includes(key.toString(encoding).replace(/=+$/, '')), encoding);
    await journal.process.stop('SIGKILL');
  });
});
