import test from 'ava';
import { WeftError } from '../../dataplane/errors.ts';
import { requireRoot } from './require-root.ts';

test('requireRoot() lets root pass and fails anybody else with one line', t => {
  t.notThrows(() => requireRoot(0));
  const error = t.throws(() => requireRoot(1000), { instanceOf: WeftError });
  t.is(error.line, 'labs are made of network namespaces, and only root may make them; run this as root');
});
