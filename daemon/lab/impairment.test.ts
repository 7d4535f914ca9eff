import test from 'ava';
import { sumOfCounters } from './impairment.ts';

const LISTING = `table inet impairment {
	chain input {
		type filter hook input priority -300; policy accept;
		meta l4proto { tcp, udp } th dport 7946 numgen random mod 100 < 10 counter packets 17 bytes 1020 drop
		meta l4proto { tcp, udp } th sport 7946 th dport != 7946 numgen random mod 100 < 10 counter packets 5 bytes 300 drop
	}
}
`;

test('sumOfCounters adds the packets of all rules', t => {
  t.is(sumOfCounters(LISTING), 22);
  t.is(sumOfCounters('table inet impairment {\n}\n'), 0);
});
