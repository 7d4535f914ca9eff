import test from 'ava';
import { ManualClock } from '../../dataplane/testing/manual-clock.ts';
import type { ServiceManager } from './service-manager.ts';
import { supervise } from './supervision.ts';

function recorder(watchdogMs?: number): { readonly said: string[]; readonly manager: ServiceManager } {
  const said: string[] = [];
  const manager: ServiceManager = {
    watchdogMs,
    reloading: () => said.push('reloading'),
    ready: () => said.push('ready'),
    status: text => said.push(`status ${text}`),
    stopping: () => said.push('stopping'),
    alive: () => said.push('alive'),
    keeps: true,
    store: () => true,
    unstore: () => {},
  };
  return { said, manager };
}

async function settle(): Promise<void> {
  await new Promise(resolve => {
    setImmediate(resolve);
  });
}

test('supervise() is ready, keeps the status true, and says when it stops', t => {
  const clock = new ManualClock();
  const { said, manager } = recorder();
  let peers = 1;
  const end = supervise(
    { clock, manager },
    { prove: () => Promise.resolve(), summary: () => `${peers} peers` },
  );
  t.deepEqual(said.splice(0), ['status 1 peers', 'ready']);
  clock.advance(10_000);
  t.deepEqual(said.splice(0), [], 'nothing is said twice');
  peers = 2;
  clock.advance(2000);
  t.deepEqual(said.splice(0), ['status 2 peers']);
  end();
  t.deepEqual(said.splice(0), ['stopping', 'status stopping']);
  peers = 3;
  clock.advance(60_000);
  t.deepEqual(said, []);
});

test('supervise() proves life four times in a period, and not while a proof is out', async t => {
  const clock = new ManualClock();
  const { said, manager } = recorder(2000);
  let prove: () => Promise<unknown> = () => Promise.resolve();
  const end = supervise({ clock, manager }, { prove: () => prove(), summary: () => '' });
  for (let round = 0; round < 4; round++) {
    await settle();
    clock.advance(500);
  }
  await settle();
  t.is(said.filter(line => line === 'alive').length, 5);

  let asked = 0;
  let answer: () => void = () => {};
  prove = () => {
    asked += 1;
    return new Promise(resolve => {
      answer = () => resolve(undefined);
    });
  };
  said.length = 0;
  for (let round = 0; round < 10; round++) {
    clock.advance(500);
    await settle();
  }
  t.is(asked, 1);
  t.false(said.includes('alive'), 'a thread that hangs is no life');
  prove = () => Promise.reject(new Error('the dataplane died'));
  answer();
  await settle();
  t.is(said.filter(line => line === 'alive').length, 1);
  clock.advance(500);
  await settle();
  t.is(said.filter(line => line === 'alive').length, 1, 'a failure is no proof');
  end();
});
