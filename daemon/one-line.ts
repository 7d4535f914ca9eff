/** Text from elsewhere (a peer's name, a path, a key) made safe to show on one line of a terminal or a log. */

// C0 and C1 controls, DEL, and the line and paragraph separators: what could start a new line or an escape sequence.
const CONTROLS = /[\p{Cc}\u2028\u2029]+/gu;

export function oneLine(text: string): string {
  return text.replace(CONTROLS, ' ');
}
