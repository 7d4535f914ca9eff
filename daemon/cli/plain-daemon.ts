/** `weft daemon` as units have it: known without the command line, which would have to be loaded first. */

/** Undefined: something else, or something wrong, of which the command line says what it is (program.ts). */
export function plainDaemon(
  argv: readonly string[],
): { readonly configPath: string | undefined } | undefined {
  const [command, option, file, ...rest] = argv;
  if (command !== 'daemon' || rest.length > 0) return undefined;
  if (option === undefined) return { configPath: undefined };
  if (option !== '--config' || file === undefined || file.startsWith('-')) return undefined;
  return { configPath: file };
}
