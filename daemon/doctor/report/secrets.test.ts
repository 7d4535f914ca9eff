import test from 'ava';
import { REMOVED, scrub, secretsIn, withoutSecrets } from './secrets.ts';

const KEY = Buffer.alloc(32, 0xfb).toString('base64');
const CONFIG = {
  node: { name: 'vm-a' },
  gossip: { port: 7946, key: KEY, keys: ['b3RoZXIga2V5IG9mIGdvc3NpcCE='], join: ['192.0.2.1'] },
};

test('keys are found and taken out of a configuration, and nothing else is', t => {
  t.deepEqual(secretsIn(CONFIG), [KEY, 'b3RoZXIga2V5IG9mIGdvc3NpcCE=']);
  t.deepEqual(withoutSecrets(CONFIG), {
    node: { name: 'vm-a' },
    gossip: { port: 7946, key: REMOVED, keys: [REMOVED], join: ['192.0.2.1'] },
  });
  t.deepEqual(withoutSecrets({ key: null, tokens: { a: 1 } }), { key: null, tokens: { a: REMOVED } });
});

test('a secret is taken out of any text, in each form', t => {
  const bytes = Buffer.from(KEY, 'base64');
  for (const form of [KEY, KEY.replace(/=+$/, ''), bytes.toString('hex'), bytes.toString('base64url')]) {
    const clean = scrub(`before ${form} after ${form}`, [KEY]);
    t.false(clean.includes(form), form);
    t.regex(clean, /^before \(removed\)=* after \(removed\)=*$/);
  }
  t.is(scrub('a password: correct horse', ['correct horse']), `a password: ${REMOVED}`);
  t.deepEqual(secretsIn({ key: 'short' }), [], 'what is that short would take half of a text with it');
});
