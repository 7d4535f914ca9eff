import test from 'ava';
import { forwardingRules } from './forwarding-rules.ts';

const DEFAULTS = { unknownUnicast: 'auto', unknownAddress: 'flood', bumRate: 7 } as const;

test('forwardingRules(): what the words of the configuration mean to the dataplane', t => {
  t.deepEqual(forwardingRules(DEFAULTS), {
    unknownUnicast: 'silent',
    unknownAddress: 'everybody',
    bumRate: 7,
  });
  t.is(forwardingRules({ ...DEFAULTS, unknownUnicast: 'drop' }).unknownUnicast, 'nobody');
  t.is(forwardingRules({ ...DEFAULTS, unknownUnicast: 'flood' }).unknownUnicast, 'everybody');
  t.is(forwardingRules({ ...DEFAULTS, unknownAddress: 'local' }).unknownAddress, 'silent');
});
