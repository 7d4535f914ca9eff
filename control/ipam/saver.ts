/**
 * Write ahead: nothing is told, to the board or to a caller, before what it rests on has been saved. Saves that wait for one
 * another are joined.
 */
import type { Journal, PostToBoard, SavedState } from './host.ts';

export interface SaverModules {
  readonly journal: Journal;
  readonly post: PostToBoard;
  /** What to save now. */
  readonly capture: () => SavedState;
  readonly failed: (error: unknown) => void;
}

interface Waiter {
  readonly saved: () => void;
  readonly lost: () => void;
}

export class Saver {
  private readonly modules: SaverModules;
  /** What is posted when the next save has succeeded: the newest body of each key. */
  private posts = new Map<string, Uint8Array | undefined>();
  private waiting: Waiter[] = [];
  private isDirty = false;
  private isSaving = false;
  private isTelling = false;
  private isStopped = false;

  constructor(modules: SaverModules) {
    this.modules = modules;
  }

  /** Something that has to survive has changed. */
  touch(): void {
    this.isDirty = true;
  }

  post(key: string, body: Uint8Array | undefined): void {
    this.posts.set(key, body);
  }

  /** Calls `saved` when all that was touched so far is safe, or `lost` when we stop before. */
  afterSave(saved: () => void, lost: () => void = () => {}): void {
    if (this.isStopped) lost();
    else this.waiting.push({ saved, lost });
  }

  /** Saves and tells. To be called after each event, when the machine has come to rest. */
  flush(): void {
    if (this.isSaving || this.isTelling || this.isStopped) return;
    if (!this.isDirty) {
      this.tell();
      return;
    }
    const { journal, capture, failed } = this.modules;
    const posts = this.posts;
    const { waiting } = this;
    this.posts = new Map();
    this.waiting = [];
    this.isDirty = false;
    this.isSaving = true;
    journal.save(capture()).then(
      () => {
        this.isSaving = false;
        if (this.isStopped) return this.lose(waiting);
        this.release(posts, waiting);
        this.flush();
      },
      error => {
        this.isStopped = true;
        this.lose(waiting);
        failed(error);
      },
    );
  }

  /** What waits is never saved by us: it is told so. */
  stop(): void {
    this.isStopped = true;
    const { waiting } = this;
    this.waiting = [];
    this.lose(waiting);
  }

  private lose(waiting: readonly Waiter[]): void {
    for (const { lost } of waiting) lost();
  }

  /** Nothing is to be saved; what a callback changes may be. */
  private tell(): void {
    while (!this.isDirty && (this.posts.size > 0 || this.waiting.length > 0)) {
      const { posts, waiting } = this;
      this.posts = new Map();
      this.waiting = [];
      this.release(posts, waiting);
    }
    if (this.isDirty) this.flush();
  }

  private release(posts: ReadonlyMap<string, Uint8Array | undefined>, waiting: readonly Waiter[]): void {
    // A callback may flush: what it does is told after what is told now.
    this.isTelling = true;
    for (const [key, body] of posts) this.modules.post(key, body);
    for (const { saved } of waiting) saved();
    this.isTelling = false;
  }
}
