import test from 'ava';
import {
  accept,
  boundValue,
  chosenValue,
  freshVote,
  makeBallot,
  promise,
  roundOf,
  type Vote,
} from './acceptor.ts';

const A = Uint8Array.of(1);
const B = Uint8Array.of(2);

test('a promise is kept', t => {
  const promised = promise(freshVote(1), 10) as Vote;
  t.is(promised.promised, 10);
  t.is(promise(promised, 10), undefined);
  t.is(promise(promised, 9), undefined);
  t.is(accept(promised, { ballot: 9, value: A }), undefined);
  const accepted = accept(promised, { ballot: 10, value: A }) as Vote;
  t.deepEqual(accepted, { instance: 1, promised: 10, accepted: { ballot: 10, value: A } });
  t.is(accept(accepted, { ballot: 10, value: B }), undefined, 'nothing else in the same ballot');
  t.is(promise(accepted, 17)?.accepted?.value, A, 'what was accepted is told with a promise');
  t.is(accept(accepted, { ballot: 18, value: B })?.promised, 18, 'to accept is to promise');
});

test('who proposes is bound by the highest ballot that was accepted', t => {
  const vote = (ballot: number, value: Uint8Array): Vote => ({
    instance: 1,
    promised: 99,
    accepted: { ballot, value },
  });
  t.is(boundValue([freshVote(1), freshVote(1)]), undefined);
  t.is(boundValue([vote(3, A), freshVote(1), vote(11, B)]), B);
});

test('chosen is what a majority accepted in one ballot', t => {
  const vote = (ballot: number): Vote => ({ instance: 1, promised: ballot, accepted: { ballot, value: A } });
  t.is(chosenValue([vote(3)], 2), undefined);
  t.is(chosenValue([vote(3), vote(11)], 2), undefined, 'equal values of two ballots are not enough');
  t.is(chosenValue([vote(3), vote(11), vote(3)], 2), A);
});

test('ballots of two voters are never equal', t => {
  t.is(roundOf(makeBallot(5, 4)), 5);
  t.not(makeBallot(1, 0), makeBallot(0, 7) + 0);
});
