/** What super-frame-scenario.ts merges: each stream becomes one super-frame, the second with a congestion mark. */
import { CE, ECT_0 } from '../../ecn.ts';
import { ACK, PLAIN, PSH, type Segment } from './segments.ts';

function stream(plain: Partial<Segment>, lengths: readonly number[]): Segment[] {
  const segment = { ...PLAIN, ...plain };
  let { sequence, identification } = segment;
  return lengths.map((length, i) => {
    const made = { ...segment, sequence, identification, payload: new Uint8Array(length).fill(i + 1) };
    sequence += length;
    identification++;
    return made;
  });
}

function pushed(segments: readonly Segment[]): Segment[] {
  return segments.map((segment, i) =>
    i === segments.length - 1 ? { ...segment, flags: ACK | PSH } : segment,
  );
}

export const SCENARIO_STREAMS: readonly (readonly Segment[])[] = [
  pushed(stream({ options: Uint8Array.of(1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2) }, [1000, 1000, 1000, 300])),
  stream({ sourcePort: 2, tos: ECT_0, outerTos: CE }, [1200, 1200, 1200]),
  stream(
    { family: 6, sourcePort: 3, tos: ECT_0, outerTos: CE },
    Array.from({ length: 40 }, () => 1300),
  ),
  stream({ protocol: 'udp', fragment: 0 }, [500, 500, 500, 1]),
  stream({ family: 6, protocol: 'udp' }, [700, 700]),
];

/** What a container must receive: the mark is in every segment of the marked streams. */
export const SCENARIO_DELIVERED: readonly Segment[] = SCENARIO_STREAMS.flat().map(segment =>
  segment.outerTos === CE ? { ...segment, tos: CE } : segment,
);
