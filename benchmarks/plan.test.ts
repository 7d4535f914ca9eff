import test from 'ava';
import { cellSeconds, makePlan, quickPeers, type Stage, type Wishes } from './plan.ts';
import { baseSubjects, PEERS } from './subjects/catalogue.ts';

const NOTHING: Wishes = {
  quick: false,
  underlays: undefined,
  only: undefined,
  measures: undefined,
  rounds: undefined,
  seconds: undefined,
};
const BASE = baseSubjects([]);

function plan(wishes: Partial<Wishes>, peers = PEERS) {
  return makePlan({ ...NOTHING, ...wishes }, BASE, peers);
}

function names({ cells }: Stage, measure: string): string[] {
  return cells.filter(cell => cell.measure.id === measure).map(({ subject }) => subject.name);
}

test('by default every subject meets every measure on every underlay, other overlays on the wire-like one', t => {
  const { stages, rounds } = plan({});
  t.is(rounds, 5);
  t.deepEqual(
    stages.map(({ underlay, subjects }) => [underlay.id, subjects.length]),
    [
      ['wire-like', 10],
      ['veth', 4],
      ['1gbit', 4],
      ['2.5gbit', 4],
      ['mtu9000', 4],
    ],
  );
  for (const { subjects, cells, idleSeconds } of stages) {
    t.is(cells.length, subjects.length * 10);
    t.is(idleSeconds, 10);
  }
});

test('the whole of it takes less than 45 minutes, --quick less than 3', t => {
  t.true(plan({}).seconds < 45 * 60, `${plan({}).seconds} s`);
  const quick = plan({ quick: true }, quickPeers(PEERS));
  t.true(quick.seconds < 180, `${quick.seconds} s`);
});

test('all subjects meet one measure before the next begins, so that the rounds alternate', t => {
  const [stage] = plan({ underlays: ['veth'], measures: ['tcp-1', 'rr-idle'] }, []).stages;
  t.deepEqual(
    stage?.cells.map(({ measure, subject }) => `${measure.id} ${subject.name}`),
    ['tcp-1', 'rr-idle'].flatMap(measure => BASE.map(({ name }) => `${measure} ${name}`)),
  );
});

test('--quick measures what the targets ask for, and of the other overlays Open vSwitch', t => {
  const { stages, rounds } = plan({ quick: true }, quickPeers(PEERS));
  t.is(rounds, 3);
  t.deepEqual(
    stages.map(({ underlay }) => underlay.id),
    ['wire-like', 'veth', '1gbit'],
  );
  const [wire, veth] = stages;
  t.deepEqual(wire && names(wire, 'tcp-1'), [...BASE.map(({ name }) => name), 'Open vSwitch netdev']);
  t.deepEqual(
    wire && names(wire, 'udp-64'),
    BASE.map(({ name }) => name),
  );
  t.deepEqual(veth && names(veth, 'udp-64'), []);
  t.is(wire?.idleSeconds, 10);
  t.is(veth?.idleSeconds, 0);
});

test('what is named is measured, also where --quick or the other overlays would not be', t => {
  const { stages } = plan({ quick: true, underlays: ['mtu9000'], measures: ['connections'], only: ['tinc'] });
  t.deepEqual(
    stages.map(stage => names(stage, 'connections')),
    [['tinc']],
  );
});

test('--seconds holds for every sample, rounded where the generator knows whole seconds only', t => {
  const { stages } = plan({ seconds: 0.3, underlays: ['veth'], measures: ['tcp-1', 'udp-64'] }, []);
  const seconds = stages[0]?.cells.map(({ measure, seconds }) => `${measure.id} ${seconds}`);
  t.deepEqual([...new Set(seconds)], ['tcp-1 1', 'udp-64 0.3']);
});

test('the estimate is the sum of what the cells take in all rounds', t => {
  const one = plan({ rounds: 1, underlays: ['1gbit'] }, []);
  const three = plan({ rounds: 3, underlays: ['1gbit'] }, []);
  const round = one.stages[0]?.cells.reduce((sum, cell) => sum + cellSeconds(cell), 0) ?? Number.NaN;
  t.true(Math.abs(three.seconds - one.seconds - 2 * round) < 1e-6);
});

test('what does not exist is refused with what does', t => {
  t.throws(() => plan({ underlays: ['token-ring'] }), {
    instanceOf: RangeError,
    message: /"wire-like", "veth"/,
  });
  t.throws(() => plan({ measures: ['sctp'] }), { instanceOf: RangeError, message: /no measure "sctp"/ });
  t.throws(() => plan({ only: ['geneve'] }), { instanceOf: RangeError, message: /no subject "geneve"/ });
});
