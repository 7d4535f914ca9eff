import test from 'ava';
import { endpointOptions } from './endpoint-options.ts';
import { LABEL } from './protocol.ts';

test('endpointOptions: nothing is said', t => {
  t.deepEqual(endpointOptions({ [LABEL.portMap]: [] }), { names: [], resolver: true });
});

test('endpointOptions: names, each once and in lower case, and no resolver', t => {
  const options = { 'weft.name': 'Web web-1, web', 'weft.resolver': 'false' };
  t.deepEqual(endpointOptions(options), { names: ['web', 'web-1'], resolver: false });
});

for (const [options, message] of [
  [{ 'weft.nmae': 'web' }, 'weft has no option weft.nmae'],
  [{ 'weft.name': 'a.b' }, /^weft\.name: "a\.b" cannot be the name of a container in DNS/],
  [{ 'weft.resolver': 'off' }, /^weft\.resolver: /],
] as const) {
  test(`endpointOptions refuses ${JSON.stringify(options)}`, t => {
    t.throws(() => endpointOptions(options), { code: 'invalid_argument', message });
  });
}
