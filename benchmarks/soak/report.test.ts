import test from 'ava';
import { judge } from './judge.ts';
import { textReport } from './report.ts';
import { daemonOf, soakOf, windowOf } from './testing/sample-soak.ts';

test('a report has the traffic, each daemon, its drops with what explains them, and the verdicts', t => {
  const daemons = [daemonOf({ drops: { hairpin: 3, runt: 2 } })];
  const soak = soakOf({ windows: soakOf().windows.map(window => ({ ...window, daemons })) });
  const text = textReport(soak, judge(soak));
  t.regex(text, /10 windows of 10 s, 1000 Mbit\/s offered; 20 moves/);
  t.regex(text, /bulk delivered, Mbit\/s\s+1000\s+1000\s+1000/);
  t.regex(text, /unlimited TCP before, Mbit\/s \(0\.506 × kernel vxlan\)\s+2050/);
  t.regex(text, /machine busy, %\s+50\.0/);
  t.regex(text, /a\s+30\s+100\.0/);
  t.regex(text, /hairpin\s+3\s+the bridge floods/);
  t.regex(text, /runt\s+2\n/);
  t.regex(text, /unexplained drops\s+none\s+none\s+met/);
});

test('what could not be measured is a dash, and what failed is told', t => {
  const windows = soakOf().windows.map(() => windowOf({ pingP50Ms: null }));
  const soak = soakOf({ windows, mishaps: [{ second: 12, what: 'pings', reason: 'none was answered' }] });
  const text = textReport(soak, judge(soak));
  t.regex(text, /ping p50, ms\s+–\s+–\s+–/);
  t.regex(text, /failures of the load\s+none\s+pings at 12 s\s+not met/);
  t.regex(text, /failed at 12 s: pings: none was answered/);
});
