import test from 'ava';
import fc from 'fast-check';
import type { Incarnation } from './incarnation.ts';
import { Posts, type RequestPost, slotKey } from './posts.ts';
import { cutSnapshot, PageCollector } from './snapshot.ts';

const posts = new Posts(7);
const inc = (2 ** 40) as Incarnation;
const value = Uint8Array.of(1, 2, 3);
const request: RequestPost = {
  incarnation: inc,
  session: 3,
  confirm: 2 ** 40,
  wishes: [
    { id: 1, space: 0, kind: 'grant' },
    { id: 2, space: 1, kind: 'fixed', offset: 2n ** 64n - 1n },
    { id: 3, space: 0, kind: 'give', block: { offset: 48n, bits: 4 }, to: 'b' },
    { id: 4, space: 0, kind: 'leave' },
  ],
  asks: [
    { id: 5, space: 0, owner: 'b', offset: undefined },
    { id: 6, space: 0, owner: 'ü', offset: 0n },
  ],
  forgets: [{ node: 'c', incarnation: inc, session: 1 }],
};

test('what is written is read', t => {
  const vote = { incarnation: inc, vote: { instance: 9, promised: 17, accepted: { ballot: 16, value } } };
  t.deepEqual(posts.readVote(posts.vote(vote)).vote.promised, 17);
  t.deepEqual(Buffer.from(posts.readVote(posts.vote(vote)).vote.accepted?.value ?? []), Buffer.from(value));
  t.deepEqual(posts.readRequest(posts.request(request)), request);
  const proposal = { incarnation: inc, instance: 4, ballot: 8, value: undefined };
  t.deepEqual(posts.readProposal(posts.proposal(proposal)), proposal);
  const answers = [{ to: 'a', session: 1, ask: 2, code: 'held' as const }];
  t.deepEqual(posts.readAnswers(posts.answers(answers)), answers);
  t.deepEqual(posts.readAdvert(posts.advert([0, 33])), [0, 33]);
  const founding = { incarnation: inc, pledge: 0 as const, founded: [inc] };
  t.deepEqual(posts.readFounding(posts.founding(founding)), { ...founding, pledge: 0 as Incarnation });
  const silence = { incarnation: inc, silent: request.forgets };
  t.deepEqual(posts.readSilence(posts.silence(silence)), silence);
});

const readers: [string, (bytes: Uint8Array) => unknown][] = [
  ['vote', bytes => posts.readVote(bytes)],
  ['proposal', bytes => posts.readProposal(bytes)],
  ['decision', bytes => posts.readDecision(bytes)],
  ['page', bytes => posts.readPage(bytes)],
  ['request', bytes => posts.readRequest(bytes)],
  ['answers', bytes => posts.readAnswers(bytes)],
  ['silence', bytes => posts.readSilence(bytes)],
  ['advert', bytes => posts.readAdvert(bytes)],
  ['founding', bytes => posts.readFounding(bytes)],
];

for (const [name, read] of readers) {
  test(`nonsense for ${name} is malformed, and nothing else`, t => {
    const isHandled = (bytes: Uint8Array): boolean => {
      try {
        read(bytes);
        return true;
      } catch (error) {
        return error instanceof Error && 'code' in error && error.code === 'malformed';
      }
    };
    const head = Uint8Array.of(0, 0, 0, 7);
    fc.assert(fc.property(fc.uint8Array({ maxLength: 100 }), junk => isHandled(Buffer.concat([head, junk]))));
    const good = posts.request(request);
    for (let length = 0; length < good.length; length++) t.true(isHandled(good.subarray(0, length)));
    t.throws(() => read(new Posts(8).advert([1, 2, 3])), { code: 'malformed' }, 'of another network');
  });
}

test('a snapshot is put together from pages of one time only', t => {
  const bytes = Uint8Array.from({ length: 2500 }, (_, index) => index % 251);
  const old = cutSnapshot(32, bytes.toReversed());
  const pages = cutSnapshot(64, bytes);
  t.is(pages.length, 3);
  const collector = new PageCollector();
  for (const page of [...old, ...pages.slice(0, 2)]) collector.put(page.page, page);
  t.is(collector.number, -1);
  t.is(collector.assemble(), undefined);
  for (const page of pages) collector.put(page.page, posts.readPage(posts.page(page)));
  t.is(collector.number, 64);
  t.deepEqual(Buffer.from(collector.assemble() ?? []), Buffer.from(bytes));
  t.is(slotKey(64), 'd0');
});
