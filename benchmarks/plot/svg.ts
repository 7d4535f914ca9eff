/**
 * What all charts share: the drawing sheet and its colours, numbers and text as SVG 1.1 wants them. No script, no font
 * of its own, no identifier that changes: the same figures always give the same bytes.
 */

/** One mark on the sheet: an element's text, without its line end. */
export type Mark = string;

export interface Sheet {
  /** Pixels at its natural size; it scales. */
  readonly width: number;
  readonly height: number;
  /** What it shows, for whoever cannot see it, and as its tooltip. */
  readonly title: string;
  readonly marks: readonly Mark[];
}

// Each pair is a colour on white and on dark paper, of at least 3:1 contrast with it (WCAG 2.1, success criterion
// 1.4.11), and told apart also without red or green. Markers and dashes tell series apart without colours.
const SERIES: readonly (readonly [light: string, dark: string])[] = [
  ['#0b63ce', '#58a6ff'],
  ['#c2510c', '#ffa657'],
  ['#1a7f4b', '#56d364'],
  ['#8a3ffc', '#bc8cff'],
  ['#6e7781', '#9aa4af'],
  ['#a0186b', '#ff7bc0'],
];

// `color`, which marks take up as currentColor, because custom properties are not known to every renderer.
const LIGHT = {
  paper: '#ffffff',
  ink: '#1f2328',
  soft: '#59636e',
  grid: '#e1e6eb',
  met: '#1a7f37',
  missed: '#b3261e',
};
const DARK = {
  paper: '#0d1117',
  ink: '#e6edf3',
  soft: '#9198a1',
  grid: '#2b323b',
  met: '#56d364',
  missed: '#ff8a80',
};

function colours(theme: typeof LIGHT, column: 0 | 1): string {
  const rules = Object.entries(theme).map(([name, value]) => `.${name}{color:${value}}`);
  return [...rules, ...SERIES.map((pair, i) => `.series-${i}{color:${pair[column]}}`)].join('');
}

const STYLE = [
  'text{font:12px system-ui,-apple-system,"Segoe UI","Liberation Sans",sans-serif;fill:currentColor}',
  '.heading{font-size:15px;font-weight:600}.strong{font-weight:600}',
  colours(LIGHT, 0),
  `@media (prefers-color-scheme:dark){${colours(DARK, 1)}}`,
].join('\n');

/** The whole file. It paints its own paper, so it is readable wherever it is shown. */
export function sheet({ width, height, title, marks }: Sheet): string {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${px(width)}" height="${px(height)}" viewBox="0 0 ${px(width)} ${px(height)}" role="img">`,
    `<title>${escapeText(title)}</title>`,
    `<style>\n${STYLE}\n</style>`,
    `<rect class="paper" width="100%" height="100%" rx="6" fill="currentColor"/>`,
    ...marks,
    '</svg>\n',
  ].join('\n');
}

export interface TextOptions {
  /** @default 'start' */
  readonly anchor?: 'start' | 'middle' | 'end';
  /** @default 'ink' */
  readonly style?: 'ink' | 'soft' | 'met' | 'missed' | 'heading ink' | 'strong ink';
}

/** Text whose baseline begins, has its middle, or ends at x, y. */
export function text(x: number, y: number, words: string, options: TextOptions = {}): Mark {
  const { anchor = 'start', style = 'ink' } = options;
  const place = anchor === 'start' ? '' : ` text-anchor="${anchor}"`;
  return `<text class="${style}" x="${px(x)}" y="${px(y)}"${place}>${escapeText(words)}</text>`;
}

/** A straight line in the colour of `style`. */
export function line(
  style: string,
  [x1, y1, x2, y2]: readonly [number, number, number, number],
  extra = '',
): Mark {
  return `<path class="${style}" d="M${px(x1)} ${px(y1)}L${px(x2)} ${px(y2)}" stroke="currentColor"${extra}/>`;
}

/** The class that colours the marks of a series; beyond the palette the colours repeat. */
export function seriesStyle(index: number): string {
  return `series-${index % SERIES.length}`;
}

/** Width of words in the 12-pixel font, on the safe side: no font can be measured here. */
export function textWidth(words: string): number {
  return words.length * 6.8;
}

/** A coordinate: hundredths are finer than any screen. */
export function px(value: number): string {
  return String(Math.round(value * 100) / 100);
}

/** Text for element content and attribute values. */
export function escapeText(words: string): string {
  return words
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
