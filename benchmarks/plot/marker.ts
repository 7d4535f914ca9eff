/** The marks of measured points. */
import { type Mark, px, seriesStyle } from './svg.ts';

/** A shape of its own for each series, so that colours are not all that tells them apart. */
export function marker(series: number, x: number, y: number): Mark {
  const style = seriesStyle(series);
  const shapes = [
    `<circle class="${style}" cx="${px(x)}" cy="${px(y)}" r="4" fill="currentColor"/>`,
    path(style, `M${px(x - 3.6)} ${px(y - 3.6)}h7.2v7.2h-7.2Z`),
    path(style, `M${px(x)} ${px(y - 4.8)}l4.8 8.4h-9.6Z`),
    path(style, `M${px(x)} ${px(y - 5)}l5 5l-5 5l-5 -5Z`),
  ];
  return shapes[series % shapes.length] ?? '';
}

function path(style: string, d: string): Mark {
  return `<path class="${style}" d="${d}" fill="currentColor"/>`;
}
