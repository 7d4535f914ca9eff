/** A host that is nothing but texts: what programs print and files hold. */
import type { HostPort } from '../doctor/host-port.ts';

export class FakeHost implements HostPort {
  /** Command line → what it prints; others are not installed. */
  readonly outputs: Record<string, string> = {};
  readonly files: Record<string, string> = {};
  readonly modes: Record<string, number> = {};
  free: number | undefined = 1024 ** 3;
  /** Command lines that were run to mend something. */
  readonly mended: string[] = [];
  /** What happens then; what it returns is a complaint. */
  onMend: (command: string) => string | undefined = () => undefined;

  run(command: readonly string[]): Promise<string | undefined> {
    return Promise.resolve(this.outputs[command.join(' ')]);
  }

  read(path: string): Promise<string | undefined> {
    return Promise.resolve(this.files[path]);
  }

  list(path: string): Promise<readonly string[] | undefined> {
    const below = Object.keys(this.files).filter(file => file.startsWith(`${path}/`));
    const names = below.map(file => file.slice(path.length + 1).split('/', 1)[0] ?? '');
    return Promise.resolve(below.length === 0 ? undefined : [...new Set(names)]);
  }

  modeOf(path: string): Promise<number | undefined> {
    return Promise.resolve(this.modes[path]);
  }

  freeBytes(): Promise<number | undefined> {
    return Promise.resolve(this.free);
  }

  mend(command: string): Promise<string | undefined> {
    this.mended.push(command);
    return Promise.resolve(this.onMend(command));
  }

  openRaw(): Promise<never> {
    return Promise.reject(new Error('Operation not permitted'));
  }
}
