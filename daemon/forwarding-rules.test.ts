import test from 'ava';
import { forwardingRules } from './forwarding-rules.ts';

const REST = { unknownUnicast: 'auto', unknownAddress: 'flood', bumRate: 7 } as const;

test('unknown_unicast: drop drops, and auto floods as flood does', t => {
  const rules = (unknownUnicast: 'auto' | 'drop' | 'flood') =>
    forwardingRules({ ...REST, unknownUnicast }).unknownUnicast;
  t.is(rules('auto'), 'everybody');
  t.is(rules('drop'), 'nobody');
  t.is(rules('flood'), 'everybody');
});

test('unknown_address and bum_rate', t => {
  t.like(forwardingRules(REST), { unknownAddress: 'everybody', bumRate: 7 });
  t.like(forwardingRules({ ...REST, unknownAddress: 'local' }), { unknownAddress: 'silent' });
});
