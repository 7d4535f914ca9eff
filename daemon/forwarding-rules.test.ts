import test from 'ava';
import { parseIp } from '../dataplane/address.ts';
import { forwardingRules } from './forwarding-rules.ts';

const REST = { unknownUnicast: 'auto', unknownAddress: 'flood', staticVteps: [], bumRate: 7 } as const;
const STATIC = [parseIp('192.0.2.9')];

test('unknown_unicast: auto floods to static VTEPs if there are any; the other two do as they are told', t => {
  const rules = (unknownUnicast: 'auto' | 'drop' | 'flood', staticVteps: typeof STATIC | []) =>
    forwardingRules({ ...REST, unknownUnicast, staticVteps }).unknownUnicast;
  t.is(rules('auto', []), 'nobody');
  t.is(rules('auto', STATIC), 'silent');
  t.is(rules('drop', []), 'nobody');
  t.is(rules('drop', STATIC), 'nobody');
  t.is(rules('flood', []), 'everybody');
  t.is(rules('flood', STATIC), 'everybody');
});

test('unknown_address and bum_rate', t => {
  t.like(forwardingRules(REST), { unknownAddress: 'everybody', bumRate: 7 });
  t.like(forwardingRules({ ...REST, unknownAddress: 'local' }), { unknownAddress: 'silent' });
});
