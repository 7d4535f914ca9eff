/** Entry of a dataplane worker: commands in, replies and events out. `workerData` is {@link WorkerData}. */
import { getSystemErrorName } from 'node:util';
import { parentPort, workerData } from 'node:worker_threads';
import { systemClock } from './clock.ts';
import type { Command, FromWorker } from './commands.ts';
import { Datapath } from './datapath.ts';
import { WeftError } from './errors.ts';
import { Replicator } from './replicator.ts';
import { threadTime } from './thread-time.ts';
import type { WorkerData } from './worker-thread.ts';

const port = parentPort;
if (port === null) throw new Error('worker.ts runs as a worker thread only');

const tell = (message: FromWorker): void => port.postMessage(message);

const { channels } = workerData as WorkerData;

const datapath = new Datapath(
  {
    clock: systemClock,
    time: threadTime,
    replicator: channels.length === 0 ? undefined : new Replicator({ clock: systemClock, channels }),
  },
  {
    portLost: (network, lost, errno) => tell({ type: 'portLost', vni: network.vni, port: lost.id, errno }),
    probe: arrival => tell({ type: 'probe', ...arrival }),
    offloadLost: event => tell({ type: 'offloadLost', ...event }),
    // Nothing can be carried any more: the thread ends, and the daemon with it (dataplane.ts, `died`).
    underlayLost: errno => {
      throw new Error(`the VXLAN socket failed: ${getSystemErrorName(-errno)}`);
    },
  },
);

port.on('message', (command: Command) => {
  try {
    tell({ type: 'reply', id: command.id, value: datapath.execute(command.name, command.args) });
  } catch (error) {
    if (!(error instanceof WeftError)) throw error;
    tell({
      type: 'failure',
      id: command.id,
      error: { code: error.code, message: error.message, hint: error.hint },
    });
  }
  if (command.name === 'close') port.close();
});
