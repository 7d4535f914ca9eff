/** Completion for bash, from the same tables as `weft --help`: bash(1), "Programmable Completion". */
import type { Command } from 'commander';
import { commandsOf, optionWords } from './command-tree.ts';

export function bashCompletion(program: Command): string {
  const cases = new Map<string, Set<string>>();
  const offer = (path: readonly string[], words: readonly string[]): void => {
    const key = path.join(' ');
    cases.set(key, new Set([...(cases.get(key) ?? []), ...words]));
  };
  offer([], optionWords(program));
  for (const { path, command } of commandsOf(program)) {
    for (const [index, word] of path.entries()) offer(path.slice(0, index), [word]);
    offer(path, optionWords(command));
  }
  const lines = [...cases].map(([path, words]) => `    '${path}') words='${[...words].join(' ')}' ;;`);
  return `# bash completion of weft(8); made from its command line.
_weft() {
  local word path='' words=''
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case $word in
    -*) ;;
    *) path="\${path:+$path }$word" ;;
    esac
  done
  # Behind the words of a command come its arguments.
  while :; do
    case $path in
${lines.join('\n')}
    *' '*) path=\${path% *}; continue ;;
    esac
    break
  done
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _weft weft
`;
}
