/** Who hears whom in a simulated pool: each tells each twice a second that it is there, as SWIM would at some time. */
import type { Clock } from '../../../dataplane/clock.ts';
import type { Liveness } from '../host.ts';

interface Listener {
  readonly name: string;
  readonly clock: Clock;
  readonly isRunning: boolean;
  /** Its process stands still. */
  readonly isPaused: boolean;
}

const BEAT = 500;

/** Who was not heard for so long is not alive. */
const DETECTION = 3000;

export class SimulatedLiveness {
  isLinked: (from: string, to: string) => boolean = () => true;
  private readonly members: Listener[] = [];
  /** By listener and speaker, on the clock of the listener. */
  private readonly heard = new Map<string, number>();
  private readonly answered = new Map<string, number>();

  constructor(clock: Clock) {
    const beat = (): void => {
      clock.after(BEAT, beat);
      this.beat();
    };
    beat();
  }

  add(member: Listener): void {
    this.members.push(member);
  }

  /** A listener begins anew, and knows nothing. */
  forget(name: string): void {
    for (const { name: other } of this.members) {
      this.heard.delete(`${name} ${other}`);
      this.answered.delete(`${name} ${other}`);
    }
  }

  of({ name, clock }: Listener): Liveness {
    return {
      silentFor: node => {
        const last = this.heard.get(`${name} ${node}`);
        if (last === undefined) return Number.POSITIVE_INFINITY;
        const silence = clock.now() - last;
        return silence < DETECTION ? 0 : silence;
      },
      lastTwoWay: node => this.answered.get(`${name} ${node}`) ?? null,
    };
  }

  private beat(): void {
    const awake = this.members.filter(({ isRunning, isPaused }) => isRunning && !isPaused);
    for (const listener of awake) {
      for (const speaker of awake) {
        if (speaker === listener || !this.isLinked(speaker.name, listener.name)) continue;
        const now = listener.clock.now();
        this.heard.set(`${listener.name} ${speaker.name}`, now);
        if (this.isLinked(listener.name, speaker.name)) {
          this.answered.set(`${listener.name} ${speaker.name}`, now);
        }
      }
    }
  }
}
