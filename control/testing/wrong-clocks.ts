/** Wall clocks as they are: of some machines a day off, and set at any moment. What happens besides stays what the seed says. */
import { randomInteger, seededRandom } from '../random.ts';
import type { NodeClock } from './node-clock.ts';

const DAY = 86_400_000;

/** Milliseconds between two clocks that are set, at most. */
const PAUSE = 20_000;

/** From now on. `note` is told of each. Returns what ends it. */
export function setClocksWrong(
  machines: readonly { readonly name: string; readonly clock: NodeClock }[],
  { seed, note }: { readonly seed: number; readonly note: (what: string) => void },
): () => void {
  // Not the random numbers of the run: with them, everything else would be different too.
  const random = seededRandom(seed ^ 0x5c10);
  let isOver = false;
  const step = ({ name, clock }: (typeof machines)[number]): void => {
    const days = random.next() < 0.5 ? 1 : -1;
    note(`the clock of ${name} is set by ${days} d`);
    clock.stepWall(days * DAY);
  };
  for (const machine of machines) {
    if (random.next() < 0.4) step(machine);
    const again = (): void => {
      if (isOver) return;
      if (random.next() < 0.5) step(machine);
      machine.clock.after(randomInteger(random, PAUSE), again);
    };
    machine.clock.after(randomInteger(random, PAUSE), again);
  }
  return () => {
    isOver = true;
  };
}
