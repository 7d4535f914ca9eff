/** One question to one other server, from the VM's own namespace. */
import { createSocket } from 'node:dgram';
import { connect } from 'node:net';
import type { Clock } from '../../dataplane/clock.ts';
import { WeftError } from '../../dataplane/errors.ts';
import type { UpstreamServer } from './dns-config.ts';
import { DnsStream } from './dns-stream.ts';

export type Transport = 'udp' | 'tcp';

export interface Question {
  readonly server: UpstreamServer;
  readonly via: Transport;
  readonly message: Buffer;
  /** Milliseconds. */
  readonly timeoutMs: number;
  /** Whether this is an answer to it; others are passed over. */
  readonly isAnswer: (message: Buffer) => boolean;
}

/** Resolves with the answer; rejects when there is none in time, or the server refuses to be asked. */
export type Exchange = (question: Question) => Promise<Buffer>;

export function socketExchange({ clock }: { readonly clock: Clock }): Exchange {
  return question => {
    const ask = question.via === 'udp' ? askByDatagram : askByStream;
    return new Promise((resolve, reject) => {
      const { address, port } = question.server;
      const silent = () => new WeftError('unavailable', `${address} port ${port} did not answer`);
      let close: () => void = () => {};
      const timer = clock.after(question.timeoutMs, () => done(() => reject(silent())));
      const done = (settle: () => void) => {
        timer.cancel();
        close();
        settle();
      };
      close = ask(
        question,
        answer => done(() => resolve(answer)),
        error => done(() => reject(error)),
      );
    });
  };
}

type Ask = (
  question: Question,
  answered: (answer: Buffer) => void,
  failed: (error: Error) => void,
) => () => void;

/**
 * A socket of its own for each question, connected: its port is one that the kernel has drawn, and it takes what comes from that server
 * alone (RFC 5452 section 9.1 and 9.2). That nobody listens there is known at once.
 */
const askByDatagram: Ask = ({ server, message, isAnswer }, answered, failed) => {
  const socket = createSocket(server.address.includes(':') ? 'udp6' : 'udp4');
  let isOpen = true;
  const close = () => {
    if (isOpen) socket.close();
    isOpen = false;
  };
  socket.on('error', failed);
  socket.on('message', answer => {
    if (isAnswer(answer)) answered(answer);
  });
  // An address literal is not looked up, but its callback comes later: the socket may be closed by then.
  socket.connect(server.port, server.address, () => {
    if (isOpen) socket.send(message, error => error && failed(error));
  });
  return close;
};

const askByStream: Ask = ({ server, message, isAnswer }, answered, failed) => {
  const socket = connect({ host: server.address, port: server.port });
  const stream = new DnsStream(socket, { maxMessageBytes: 65_535 });
  stream.onMessage = answer => {
    if (isAnswer(answer)) answered(answer);
  };
  socket.on('error', failed);
  socket.on('close', () => failed(new WeftError('unavailable', `${server.address} closed the connection`)));
  stream.send(message);
  return () => socket.destroy();
};
