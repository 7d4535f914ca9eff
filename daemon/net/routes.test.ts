import test from 'ava';
import { WeftError } from '../../dataplane/errors.ts';
import { listsPolicies } from './routes.ts';

// What iproute2 6.1 prints.
const POLICY = 'src 192.0.2.1/32 dst 192.0.2.2/32 \n\tdir out priority 0 \n';
const NO_XFRM = 'Cannot open netlink socket: Protocol not supported\n';
const NOT_PERMITTED = 'RTNETLINK answers: Operation not permitted\nDump terminated\n';

test('IPsec: what is listed is a policy, nothing listed is none', t => {
  t.true(listsPolicies({ code: 0, stdout: POLICY, stderr: '' }));
  t.false(listsPolicies({ code: 0, stdout: '', stderr: '' }));
});

test('IPsec: a kernel without it has no policy', t => {
  t.false(listsPolicies({ code: 1, stdout: '', stderr: NO_XFRM }));
});

test('IPsec: any other refusal is not taken for none', t => {
  t.throws(() => listsPolicies({ code: 1, stdout: '', stderr: NOT_PERMITTED }), {
    instanceOf: WeftError,
    message: /Operation not permitted/,
  });
  t.throws(() => listsPolicies({ code: null, stdout: '', stderr: '' }), { instanceOf: WeftError });
});
