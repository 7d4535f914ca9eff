/** The descriptors that are to outlive this process, by name: those that lie with the service manager, and which a process may ask for that runs beside us. */
import type { DescriptorStore } from '../../dataplane/descriptor-store.ts';

export class DescriptorShelf implements DescriptorStore {
  private readonly manager: DescriptorStore;
  private readonly byName = new Map<string, readonly number[]>();
  private isAwaited = false;

  constructor(manager: DescriptorStore) {
    this.manager = manager;
  }

  get keeps(): boolean {
    return this.manager.keeps || this.isAwaited;
  }

  /** A process runs that has copies of all of them. */
  awaited(): void {
    this.isAwaited = true;
  }

  store(name: string, fds: readonly number[]): boolean {
    this.byName.set(name, [...(this.byName.get(name) ?? []), ...fds]);
    return this.manager.store(name, fds);
  }

  unstore(name: string): void {
    this.byName.delete(name);
    this.manager.unstore(name);
  }

  /** What lies there. The descriptors are those of their owners, open as long as those want. */
  get contents(): ReadonlyMap<string, readonly number[]> {
    return this.byName;
  }
}
