import test from 'ava';
import { px, sheet, text } from './svg.ts';

/** WCAG 2.1: (lighter + 0.05) / (darker + 0.05) of the relative luminances. */
function contrast(one: string, other: string): number {
  const [a = 0, b = 0] = [luminance(one), luminance(other)].sort((x, y) => y - x);
  return (a + 0.05) / (b + 0.05);
}

function luminance(colour: string): number {
  const [r = 0, g = 0, b = 0] = [1, 3, 5].map(at => {
    const part = Number.parseInt(colour.slice(at, at + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

test('sheet() brings colours for light and for dark paper that stand out from it', t => {
  const svg = sheet({ width: 10, height: 10, title: 'a', marks: [] });
  const [light = '', dark = ''] = svg.split('@media (prefers-color-scheme:dark)');
  for (const style of [light, dark]) {
    const colours = new Map(
      [...style.matchAll(/\.([a-z0-9-]+)\{color:(#[0-9a-f]{6})\}/g)].map(([, name = '', colour = '']) => [
        name,
        colour,
      ]),
    );
    const paper = colours.get('paper') ?? '';
    for (const [name, colour] of colours) {
      if (name === 'paper' || name === 'grid') continue;
      // Text needs 4.5, marks need 3.
      t.true(contrast(colour, paper) >= (name.startsWith('series-') ? 3 : 4.5), `${name} ${colour}`);
    }
    t.is(colours.size, 12);
  }
});

test('text() escapes what XML means otherwise', t => {
  t.is(text(1, 2, '<b> & "c"'), '<text class="ink" x="1" y="2">&lt;b&gt; &amp; &quot;c&quot;</text>');
});

test('px() writes no more digits than a screen has', t => {
  t.deepEqual([1, 1.005001, 1 / 3, 100.999].map(px), ['1', '1.01', '0.33', '101']);
});
