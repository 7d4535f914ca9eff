/** The commands of weft as tables, for what is made from them: manual page and completion. */
import type { Command } from 'commander';

export interface PathCommand {
  /** The words by which it is called, after `weft`. */
  readonly path: readonly string[];
  readonly command: Command;
}

/** All that can be called, groups left out, in the order of the help. */
export function commandsOf(program: Command, before: readonly string[] = []): readonly PathCommand[] {
  return program.commands.flatMap(command => {
    const path = [...before, command.name()];
    return command.commands.length > 0 ? commandsOf(command, path) : [{ path, command }];
  });
}

/** Each visible option with what it means, help among them. */
export function optionsOf(command: Command): readonly (readonly [string, string])[] {
  return command
    .createHelp()
    .visibleOptions(command)
    .map(({ flags, description }) => [flags, description] as const);
}

/** The words that an option can be written as: `--json`, `-h`. */
export function optionWords(command: Command): readonly string[] {
  return command
    .createHelp()
    .visibleOptions(command)
    .flatMap(({ short, long }) => [short, long].filter(word => word !== undefined));
}
