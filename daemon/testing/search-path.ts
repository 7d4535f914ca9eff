/** Where programs are looked for, for the length of one test. Tests that change it run one after the other. */

/** A directory that does not exist: nothing is installed there. */
export const NO_PROGRAMS = '/weft-no-such-directory';

/** Sets PATH until the test that `t` stands for has ended. */
export function setSearchPath(t: { teardown(fn: () => void): void }, path: string): void {
  const { env } = process;
  const { PATH: before } = env;
  t.teardown(() => Object.assign(env, { PATH: before }));
  Object.assign(env, { PATH: path });
}
