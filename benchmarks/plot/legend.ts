/** What the marks of a chart mean: samples of them with their names, in as many rows as they need. */
import { marker } from './marker.ts';
import { line, type Mark, px, seriesStyle, text, textWidth } from './svg.ts';

export interface LegendEntry {
  readonly name: string;
  /** `line` and `bar`: a series as its chart draws it; `level`: a value drawn across the whole chart. */
  readonly shape: 'line' | 'bar' | 'level';
}

const ROW = 20;
const SAMPLE = 28;
const GAP = 20;

/** Its marks, and where it ends. The entries of series come first and in their order. */
export function legend(
  entries: readonly LegendEntry[],
  place: { readonly x: number; readonly y: number; readonly width: number },
): { readonly marks: readonly Mark[]; readonly bottom: number } {
  const marks: Mark[] = [];
  let x = place.x;
  let y = place.y + ROW / 2;
  for (const [i, { name, shape }] of entries.entries()) {
    const needed = SAMPLE + textWidth(name);
    if (x > place.x && x + needed > place.x + place.width) {
      x = place.x;
      y += ROW;
    }
    marks.push(...SAMPLES[shape](i, x, y), text(x + SAMPLE, y + 4, name));
    x += needed + GAP;
  }
  return { marks, bottom: y + ROW / 2 };
}

const SAMPLES: Readonly<Record<LegendEntry['shape'], (index: number, x: number, y: number) => Mark[]>> = {
  line: (index, x, y) => [
    line(seriesStyle(index), [x, y, x + 20, y], ' stroke-width="2"'),
    marker(index, x + 10, y),
  ],
  bar: (index, x, y) => [
    `<rect class="${seriesStyle(index)}" x="${px(x + 8)}" y="${px(y - 6)}" width="12" height="12" rx="2" fill="currentColor" fill-opacity="0.75"/>`,
  ],
  level: (_, x, y) => [levelLine([x, y, x + 20, y])],
};

/** How a value is marked across a chart. */
export function levelLine(ends: readonly [number, number, number, number]): Mark {
  return line('ink', ends, ' stroke-width="1.5" stroke-dasharray="5 3"');
}
