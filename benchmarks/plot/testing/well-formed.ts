/** A small judge of generated SVG: enough XML to find a missing end tag or an unescaped sign. */

/** Names of all elements, in the order in which they begin. Throws when the text is not well-formed. */
export function elementNames(svg: string): string[] {
  const names: string[] = [];
  const open: string[] = [];
  let rest = svg.trimEnd();
  while (rest !== '') {
    const tag = /^<(\/?)([a-z]+)((?: [a-zA-Z:-]+="[^"<&]*(?:&(?:amp|lt|gt|quot);[^"<&]*)*")*)(\/?)>/.exec(
      rest,
    );
    if (tag !== null) {
      const [all, ends, name = '', , isEmpty] = tag;
      if (ends !== '' && open.pop() !== name) throw new Error(`</${name}> ends what did not begin`);
      if (ends === '') names.push(name);
      if (ends === '' && isEmpty === '') open.push(name);
      rest = rest.slice(all.length);
      continue;
    }
    const words = /^(?:[^<&]|&(?:amp|lt|gt|quot);)+/.exec(rest)?.[0];
    if (words === undefined) throw new Error(`not well-formed at ${rest.slice(0, 60)}`);
    rest = rest.slice(words.length);
  }
  if (open.length > 0) throw new Error(`<${open.at(-1)}> never ends`);
  return names;
}
