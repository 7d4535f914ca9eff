import { WeftError } from '../../dataplane/errors.ts';

/** Throws one clear line unless this process may make network namespaces. Tests fail without root; they do not skip. */
export function requireRoot(uid: number | undefined = process.getuid?.()): void {
  if (uid === 0) return;
  throw new WeftError('not_permitted', 'labs are made of network namespaces, and only root may make them', {
    hint: 'run this as root',
  });
}
