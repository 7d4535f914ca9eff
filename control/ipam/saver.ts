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

export class Saver {
  private readonly modules: SaverModules;
  /** What is posted when the next save has succeeded: the newest body of each key. */
  private posts = new Map<string, Uint8Array | undefined>();
  private waiting: (() => void)[] = [];
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

  /** Calls when all that was touched so far is safe. */
  afterSave(callback: () => void): void {
    this.waiting.push(callback);
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
    const waiting = this.waiting;
    this.posts = new Map();
    this.waiting = [];
    this.isDirty = false;
    this.isSaving = true;
    journal.save(capture()).then(
      () => {
        this.isSaving = false;
        if (this.isStopped) return;
        this.release(posts, waiting);
        this.flush();
      },
      error => {
        this.isStopped = true;
        failed(error);
      },
    );
  }

  stop(): void {
    this.isStopped = true;
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

  private release(
    posts: ReadonlyMap<string, Uint8Array | undefined>,
    waiting: readonly (() => void)[],
  ): void {
    // A callback may flush: what it does is told after what is told now.
    this.isTelling = true;
    for (const [key, body] of posts) this.modules.post(key, body);
    for (const callback of waiting) callback();
    this.isTelling = false;
  }
}
