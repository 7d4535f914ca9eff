import type { Clock, Timer } from '../dataplane/clock.ts';

/** Calls an action again and again; the wait is asked for before each, so that it may change or be random. */
export class Repeater {
  private readonly clock: Clock;
  private readonly action: () => void;
  private readonly wait: () => number;
  private timer: Timer | undefined;

  constructor(
    modules: { readonly clock: Clock },
    options: { readonly wait: () => number; readonly action: () => void },
  ) {
    this.clock = modules.clock;
    this.wait = options.wait;
    this.action = options.action;
  }

  /** Starts; the first call comes after `firstWait` milliseconds. */
  start(firstWait: number): void {
    this.stop();
    this.timer = this.clock.after(firstWait, () => this.fire());
  }

  stop(): void {
    this.timer?.cancel();
    this.timer = undefined;
  }

  private fire(): void {
    // Armed before the action, so that the action may stop it.
    this.timer = this.clock.after(this.wait(), () => this.fire());
    this.action();
  }
}
