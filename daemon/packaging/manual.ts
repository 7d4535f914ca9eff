/** The manual page weft(8), from the same tables as `weft --help`: man-pages(7), groff_man(7). */
import type { Command } from 'commander';
import { commandsOf, optionsOf } from './command-tree.ts';

/** What no table of the command line knows. Each entry is a section, its text in roff. */
export interface ManualOptions {
  readonly version: string;
}

const FILES: readonly (readonly [string, string])[] = [
  ['/etc/weft/weft.yaml', 'The configuration. An example is in /usr/share/doc/weft/examples.'],
  ['/run/weft/api.sock', 'The API, for root.'],
  ['/var/lib/weft', 'What the node remembers: endpoints, peers, networks, addresses.'],
];

const SIGNALS: readonly (readonly [string, string])[] = [
  ['SIGTERM, SIGINT', 'Stop in order; containers keep their interfaces. A second one ends at once.'],
  ['SIGHUP', 'Read the configuration again.'],
  [
    'SIGUSR2',
    'Stop, and carry frames until the next daemon does; from weft-relay, at a restart of the service.',
  ],
];

export function manualPage(program: Command, { version }: ManualOptions): string {
  const lines = [
    `.TH WEFT 8 "" "weft ${version}" "System Administration"`,
    '.SH NAME',
    `weft \\- ${roff(lowered(program.description()))}`,
    '.SH SYNOPSIS',
    '.B weft',
    '[\\fIoptions\\fR] \\fIcommand\\fR [\\fIarguments\\fR]',
    '.SH DESCRIPTION',
    'A daemon on each VM opens TAP devices for its containers, carries their frames as VXLAN over UDP, and learns by gossip which VM has which container.',
    'The service is \\fBweft.service\\fR; all other commands ask the daemon over its API socket.',
    '.SH OPTIONS',
    ...terms(optionsOf(program)),
    '.SH COMMANDS',
  ];
  for (const { path, command } of commandsOf(program)) {
    const usage = [program.name(), ...path, command.usage()].join(' ');
    lines.push(`.SS ${roff(usage)}`, roff(`${command.description()}.`), ...terms(optionsOf(command)));
  }
  lines.push('.SH FILES', ...terms(FILES), '.SH SIGNALS', 'Of \\fBweft daemon\\fR:', ...terms(SIGNALS));
  lines.push('.SH EXIT STATUS', '0 done, 1 refused or failed, 2 wrong usage.');
  lines.push('.SH SEE ALSO', '.BR ip (8), .BR bridge (8), .BR systemctl (1)'.replaceAll(', .', ',\n.'));
  return `${lines.join('\n')}\n`;
}

function terms(entries: readonly (readonly [string, string])[]): string[] {
  return entries.flatMap(([term, text]) => ['.TP', `\\fB${roff(term)}\\fR`, roff(text)]);
}

/** Text as roff shows it as it is: a line that begins with a dot would be a request, a hyphen is a minus where it is typed. */
export function roff(text: string): string {
  return text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replace(/^(?=[.'])/gm, '\\&');
}

function lowered(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
