/** Threads of a process that make no progress any more, and yet die when they are killed: what a hang looks like from outside. */
import { readdirSync, readFileSync } from 'node:fs';
import type { Host } from './host.ts';

/** ptrace(2): PTRACE_SEIZE and PTRACE_INTERRUPT of linux/ptrace.h stop one thread and leave the others alone. */
const HOLDER = `
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
for tid in map(int, sys.argv[1:]):
    for request in (0x4206, 0x4207):
        if libc.ptrace(request, tid, None, None) != 0:
            sys.exit(f'ptrace {request:#x} {tid}: {os.strerror(ctypes.get_errno())}')
    os.waitpid(tid, 0x40000000)
print('"ready"', flush=True)
# The end of a thread is the tracer's to see first (ptrace(2), "Death under ptrace"), and until then nobody else's.
for tid in map(int, sys.argv[1:]):
    try:
        while not os.WIFEXITED(status := os.waitpid(tid, 0x40000000)[1]) and not os.WIFSIGNALED(status):
            pass
    except ChildProcessError:
        pass
`;

/** What a thread waits in, by the number of the system call on x86-64 and arm64 (epoll_wait, epoll_pwait). */
const EPOLL = new Set(['232', '281', '22']);

/** Of a daemon: the main loop, the workers of the dataplane, or the threads to which the addon gives what may take its time. */
export type ThreadKind = 'main' | 'worker' | 'addon';

/** The threads of this kind. The daemon must be idle: they are told by what they wait in. */
export function threadsOf(pid: number, kind: ThreadKind): readonly number[] {
  if (kind === 'main') return [pid];
  const others = readdirSync(`/proc/${pid}/task`)
    .map(Number)
    .filter(tid => tid !== pid);
  return others.filter(tid => EPOLL.has(systemCall(pid, tid)) === (kind === 'worker'));
}

/** Stops these threads until the lab ends or they are killed. Resolves when they are stopped. */
export async function holdThreads(host: Host, tids: readonly number[]): Promise<void> {
  const holder = host.spawnOutside('python3', ['-c', HOLDER, ...tids.map(String)]);
  await holder.waitForOutput('"ready"');
}

function systemCall(pid: number, tid: number): string {
  return readFileSync(`/proc/${pid}/task/${tid}/syscall`, 'utf8').split(' ', 1)[0] ?? '';
}
