import test from 'ava';
import { receivedBytes } from './bulk.ts';

test('the bytes of all connections, as ss tells them', t => {
  const text = `0 0 198.18.0.2:5210 198.18.0.1:40000
	 cubic wscale:7,7 rto:204 rtt:0.1/0.05 bytes_sent:4 bytes_acked:4 bytes_received:141 segs_out:5
0 0 198.18.0.2:5210 198.18.0.1:40002
	 cubic wscale:7,7 rto:204 bytes_received:1048576 segs_out:91
`;
  t.is(receivedBytes(text), 1_048_717);
});

test('no connection is no zero', t => {
  t.throws(() => receivedBytes(''), { message: /no connection/ });
});
