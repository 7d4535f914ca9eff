/** What was done, and how each step of it is undone: the last one first. */
import { errorFields, type Log } from './log.ts';

export class UndoStack {
  private readonly log: Log;
  private readonly steps: (() => unknown)[] = [];

  constructor(modules: { readonly log: Log }) {
    this.log = modules.log;
  }

  push(step: () => unknown): void {
    this.steps.push(step);
  }

  /** Undoes all. A step that fails is logged, and must not keep the others from being undone. Resolves with whether none has failed. */
  async run(): Promise<boolean> {
    let isUndone = true;
    for (let step = this.steps.pop(); step !== undefined; step = this.steps.pop()) {
      try {
        await step();
      } catch (error) {
        isUndone = false;
        this.log.error(errorFields(error), 'cannot undo a step');
      }
    }
    return isUndone;
  }
}
