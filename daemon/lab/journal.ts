/** A real systemd-journald for one command, with no systemd: both in mount and PID namespaces of their own, which end with the command. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Host } from './host.ts';
import type { LabProcess } from './lab-process.ts';
import { runCommand } from './run-command.ts';

/** Entries are kept in memory (below /run); nothing of the machine's own kernel log or audit is touched. */
const CONFIG = `[Journal]
Storage=volatile
ReadKMsg=no
Audit=
ForwardToSyslog=no
ForwardToWall=no
RateLimitBurst=0
`;

/**
 * Standard output is connected to the journal, and JOURNAL_STREAM says so, as systemd.exec(5) has it. $1: the directory; the rest: the
 * command. /run is empty inside but for the journal and the namespaces of `ip netns`.
 */
const SCRIPT = `set -e
directory=$1
shift
mkdir -p "$directory/netns"
mount --rbind /run/netns "$directory/netns"
mount -t tmpfs tmpfs /run
mkdir -p /run/netns /run/log /run/systemd/journal
mount --move "$directory/netns" /run/netns
mount --bind "$directory" /run/log
mount --bind "$directory/journald.conf" /etc/systemd/journald.conf
# ip netns exec mounts a /sys that has none, and journald asks which unit a process is of.
mountpoint -q /sys/fs/cgroup || mount -t cgroup2 cgroup2 /sys/fs/cgroup
/lib/systemd/systemd-journald &
while [ ! -S /run/systemd/journal/socket ] || [ ! -S /run/systemd/journal/stdout ]; do kill -0 $!; sleep 0.02; done
exec systemd-cat --identifier=lab sh -c 'exec env JOURNAL_STREAM=$(stat -L -c %d:%i /proc/$$/fd/1) "$@"' sh "$@"
`;

export class Journal {
  readonly process: LabProcess;
  private readonly directory: string;

  /** Runs `command` on the host, under the journal. */
  constructor(host: Host, directory: string, command: readonly string[]) {
    this.directory = join(directory, 'journal-of');
    mkdirSync(this.directory);
    writeFileSync(join(this.directory, 'journald.conf'), CONFIG);
    const namespaces = [
      '--mount',
      '--pid',
      '--fork',
      '--kill-child',
      '--mount-proc',
      '--propagation',
      'private',
    ];
    this.process = host.spawn('unshare', [
      ...namespaces,
      'sh',
      '-c',
      SCRIPT,
      'sh',
      this.directory,
      ...command,
    ]);
  }

  /** The entries with these fields, oldest first. */
  async entries(...matches: readonly string[]): Promise<readonly Readonly<Record<string, string>>[]> {
    const { stdout } = await this.read('json', matches);
    const lines = stdout.split('\n').filter(line => line !== '');
    return lines.map(line => JSON.parse(line) as Readonly<Record<string, string>>);
  }

  /** Everything that is in it, byte for byte. */
  async exported(): Promise<string> {
    return (await this.read('export', [])).stdout;
  }

  private read(output: string, matches: readonly string[]) {
    const files = join(this.directory, 'journal');
    return runCommand(
      'journalctl',
      ['--directory', files, '--output', output, '--no-pager', '--quiet', '--all', ...matches],
      {
        // Nothing found is exit 1.
        check: false,
      },
    );
  }
}
