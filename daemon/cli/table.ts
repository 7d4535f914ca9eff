/** Tables without borders, in the way of `ip -br`: two spaces between columns, nothing after the last. */
import Table from 'cli-table3';
import { oneLine } from '../one-line.ts';

export type Cell = string | number | null;

const NO_BORDERS = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: '  ',
};

/** An empty cell or null prints as a dash, so that a column can be counted on. */
export function formatTable(head: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const table = new Table({
    head: [...head],
    chars: NO_BORDERS,
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0 },
  });
  for (const row of rows) table.push(row.map(show));
  return table
    .toString()
    .split('\n')
    .map(line => line.trimEnd())
    .join('\n');
}

/** Names come from other nodes: nothing of them may act on the terminal. */
function show(cell: Cell): string {
  return cell === null || cell === '' ? '-' : oneLine(String(cell));
}
