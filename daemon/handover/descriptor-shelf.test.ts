import test from 'ava';
import { NO_STORE } from '../../dataplane/descriptor-store.ts';
import { DescriptorShelf } from './descriptor-shelf.ts';

test('it shows what lies with the service manager, and tells that of all', t => {
  const told: unknown[][] = [];
  const shelf = new DescriptorShelf({
    keeps: true,
    store: (...call) => {
      told.push(['store', ...call]);
      return true;
    },
    unstore: name => void told.push(['unstore', name]),
  });
  t.true(shelf.store('vxlan-0', [10, 11]));
  t.true(shelf.store('tap-a', [12]));
  t.true(shelf.store('vxlan-0', [13]));
  shelf.unstore('tap-a');
  t.deepEqual([...shelf.contents], [['vxlan-0', [10, 11, 13]]]);
  t.deepEqual(told, [
    ['store', 'vxlan-0', [10, 11]],
    ['store', 'tap-a', [12]],
    ['store', 'vxlan-0', [13]],
    ['unstore', 'tap-a'],
  ]);
  t.true(shelf.keeps);
});

test('without a manager it keeps only for a process that waits for it', t => {
  const shelf = new DescriptorShelf(NO_STORE);
  t.false(shelf.store('tap-a', [12]));
  t.false(shelf.keeps);
  shelf.awaited();
  t.true(shelf.keeps);
  t.deepEqual([...shelf.contents], [['tap-a', [12]]]);
});
