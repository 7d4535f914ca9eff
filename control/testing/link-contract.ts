/** What every kind of link must do; run on the simulated ones and on TCP. */
import type { TestFn } from 'ava';
import type { Link, LinkHandler } from '../records/link.ts';

/** One end of a link, and what has come to it. */
export class RecordedEnd implements LinkHandler {
  readonly frames: Uint8Array[] = [];
  writable = 0;
  closed = 0;

  onFrame(frame: Uint8Array): void {
    this.frames.push(frame);
  }

  onWritable(): void {
    this.writable += 1;
  }

  onClose(): void {
    this.closed += 1;
  }
}

export interface LinkPair {
  /** Opens a link to a host that takes it, or to where nobody is. */
  open(handler: LinkHandler, to?: 'nobody'): Link;
  /** The accepting side's ends, in order. */
  readonly accepted: readonly { readonly link: Link; readonly end: RecordedEnd }[];
  until(condition: () => boolean): Promise<boolean>;
  dispose(): Promise<void>;
}

export function testLinks(test: TestFn, kind: string, make: () => Promise<LinkPair>): void {
  const frameOf = (size: number, value: number): Uint8Array => new Uint8Array(size).fill(value);

  test(`${kind}: frames arrive whole and in order, both ways, also those sent before it was open`, async t => {
    const pair = await make();
    try {
      const near = new RecordedEnd();
      const link = pair.open(near);
      const sizes = [1, 5, 1400, 65_536, 2];
      for (const [index, size] of sizes.entries()) link.send(frameOf(size, index));
      t.true(await pair.until(() => pair.accepted[0]?.end.frames.length === sizes.length));
      t.deepEqual(
        pair.accepted[0]?.end.frames.map(frame => [frame.length, frame[0]]),
        sizes.map((size, index) => [size, index]),
      );
      pair.accepted[0]?.link.send(frameOf(3, 9));
      t.true(await pair.until(() => near.frames.length === 1));
      t.deepEqual([...(near.frames[0] ?? [])], [9, 9, 9]);
    } finally {
      await pair.dispose();
    }
  });

  test(`${kind}: who sends too much is asked to wait, and told when there is room`, async t => {
    const pair = await make();
    try {
      const near = new RecordedEnd();
      const link = pair.open(near);
      let sent = 0;
      // The kernel of a real link takes some megabytes before anything waits.
      while (sent < 2000 && link.send(frameOf(65_536, sent))) sent += 1;
      t.true(sent < 2000);
      t.true(await pair.until(() => near.writable === 1));
      t.true(await pair.until(() => pair.accepted[0]?.end.frames.length === sent + 1));
      t.is(near.writable, 1);
    } finally {
      await pair.dispose();
    }
  });

  test(`${kind}: what was sent before it was closed arrives, and both ends hear of the end once`, async t => {
    const pair = await make();
    try {
      const near = new RecordedEnd();
      const link = pair.open(near);
      link.send(frameOf(10, 1));
      t.true(await pair.until(() => pair.accepted[0]?.end.frames.length === 1));
      link.send(frameOf(10, 2));
      link.close();
      link.close();
      link.send(frameOf(10, 3));
      t.true(await pair.until(() => near.closed === 1 && pair.accepted[0]?.end.closed === 1));
      t.is(pair.accepted[0]?.end.frames.length, 2);
      link.send(frameOf(10, 4));
      t.is(near.closed, 1);
    } finally {
      await pair.dispose();
    }
  });

  test(`${kind}: one that is aborted is over at once, and the other end hears of it`, async t => {
    const pair = await make();
    try {
      const near = new RecordedEnd();
      const link = pair.open(near);
      link.send(frameOf(10, 1));
      t.true(await pair.until(() => pair.accepted[0]?.end.frames.length === 1));
      link.abort();
      link.abort();
      t.true(await pair.until(() => near.closed === 1 && pair.accepted[0]?.end.closed === 1));
      link.send(frameOf(10, 2));
      t.is(pair.accepted[0]?.end.frames.length, 1);
    } finally {
      await pair.dispose();
    }
  });

  test(`${kind}: a link to where nobody is ends`, async t => {
    const pair = await make();
    try {
      const near = new RecordedEnd();
      pair.open(near, 'nobody').send(frameOf(10, 1));
      t.is(near.closed, 0);
      t.true(await pair.until(() => near.closed === 1));
    } finally {
      await pair.dispose();
    }
  });
}
