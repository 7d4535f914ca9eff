import { connect } from 'node:net';
import type { IpAddress } from '../dataplane/address.ts';
import type { Clock } from '../dataplane/clock.ts';
import { WeftError } from '../dataplane/errors.ts';
import { MAX_STREAMS } from './constants.ts';
import type { Counters, DropReason } from './counters.ts';
import type { Endpoint } from './endpoint.ts';
import type { StreamOutcome } from './port.ts';
import { StreamReader } from './stream.ts';
import { StreamRefused } from './stream-seal.ts';
import type { Wire } from './wire.ts';

export interface TcpExchange {
  /** Our own address: peers know us by it. */
  readonly from: IpAddress;
  readonly to: Endpoint;
  readonly request: Uint8Array;
  /** For all of it, in milliseconds. */
  readonly timeout: number;
  readonly signal: AbortSignal;
  /** Other exchanges of ours under way. */
  readonly others: number;
}

/** Opens a stream, sends the request, reads one message, closes. `done` is called exactly once, never at once. */
export function exchangeOverTcp(
  { clock, counters, wire }: { readonly clock: Clock; readonly counters: Counters; readonly wire: Wire },
  { from, to, request, timeout, signal, others }: TcpExchange,
  done: (outcome: StreamOutcome) => void,
): void {
  let isDone = false;
  const finish = (outcome: StreamOutcome): void => {
    if (isDone) return;
    isDone = true;
    deadline.cancel();
    signal.removeEventListener('abort', onAbort);
    socket?.destroy();
    done(outcome);
  };
  const fail = (reason: DropReason, error: string): void => {
    if (!isDone) counters.countDrop(reason);
    finish({ ok: false, error });
  };
  const onAbort = (): void => fail('streamFailed', 'gossip was closed');
  const deadline = clock.after(others >= MAX_STREAMS ? 0 : timeout, () => {
    if (others >= MAX_STREAMS) fail('streamLimit', 'too many streams are open');
    else fail('streamTimeout', `no answer within ${timeout / 1000} s`);
  });
  signal.addEventListener('abort', onAbort);
  const socket =
    others >= MAX_STREAMS
      ? undefined
      : connect({ host: to.address, port: to.port, localAddress: from, noDelay: true });
  if (socket === undefined) return;
  const reader = new StreamReader();
  const opener = wire.streamOpener();
  socket.on('connect', () => socket.write(wire.wrapStream(request)));
  socket.on('error', error => fail('streamFailed', error.message));
  socket.on('close', () => fail('streamFailed', 'the peer closed the stream without an answer'));
  socket.on('data', chunk => {
    try {
      for (const plain of opener.push(Buffer.from(chunk))) {
        const message = reader.push(plain);
        if (message !== undefined) return finish({ ok: true, message });
      }
    } catch (error) {
      if (!(error instanceof WeftError)) throw error;
      fail(error instanceof StreamRefused ? error.reason : 'streamMalformed', error.message);
    }
  });
}
