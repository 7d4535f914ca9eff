/** What stands above the drawing, the same for all charts. */
import { type LegendEntry, legend } from './legend.ts';
import { type Mark, text } from './svg.ts';

/** Pixels at the natural size: the width of a page of text. */
export const WIDTH = 760;
/** Free on all sides. */
export const EDGE = 20;

export interface Heading {
  readonly title: string;
  readonly subtitle?: string;
}

/** Title, subtitle and legend, and where they end. */
export function heading(
  { title, subtitle }: Heading,
  entries: readonly LegendEntry[],
): { readonly marks: readonly Mark[]; readonly bottom: number } {
  const marks = [text(EDGE, 30, title, { style: 'heading ink' })];
  if (subtitle !== undefined) marks.push(text(EDGE, 49, subtitle, { style: 'soft' }));
  const names = legend(entries, { x: EDGE, y: subtitle === undefined ? 44 : 60, width: WIDTH - 2 * EDGE });
  return { marks: [...marks, ...names.marks], bottom: names.bottom };
}
