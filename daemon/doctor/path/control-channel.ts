/**
 * Questions about probes and their answers, between two daemons: as datagrams of gossip, and on a link over TCP, both sealed as all of gossip is.
 * Which of the two ways works is itself one of the facts.
 */
import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import type { Endpoint } from '../../../control/endpoint.ts';
import type { Keyring } from '../../../control/keyring.ts';
import { keyringSealer } from '../../../control/records/keyring-sealer.ts';
import type { Link } from '../../../control/records/link.ts';
import { TcpLinks, UNSEALED } from '../../../control/records/tcp-links.ts';
import type { IpAddress } from '../../../dataplane/address.ts';
import type { Clock } from '../../../dataplane/clock.ts';
import {
  type Answer,
  decodeMessage,
  encodeAnswer,
  encodeQuestion,
  type Question,
} from './control-message.ts';

export type Reply =
  /** `wall`: our own clock when it came. */
  | { readonly answer: Answer; readonly roundTrip: number; readonly wall: number }
  /** An errno, or `timeout`. */
  | { readonly failure: string };

/** A question before it has an id. */
export type Asked =
  | { readonly op: 'open'; readonly token: string; readonly port: number }
  | { readonly op: 'look'; readonly token: string };

/** Two datagrams lost of three is more than a path that anybody uses loses. */
const DATAGRAM_TRIES = 4;
const DATAGRAM_WAIT_MS = 350;

/** TCP sends a SYN again after 1 s. */
const TCP_TIMEOUT_MS = 2500;

export interface ControlModules {
  readonly clock: Clock;
  readonly keyring: Keyring | undefined;
  readonly sendDatagram: (to: Endpoint, bytes: Uint8Array) => void;
}

export interface ControlOptions {
  /** Our own address: peers know us by it. */
  readonly from: IpAddress;
  /** Answers the question of a member; undefined: says nothing. `isDatagram`: by which way it came. */
  readonly answer: (member: string, question: Question, isDatagram: boolean) => Promise<Answer | undefined>;
  /** Name and gossip endpoint of the member at this address. */
  readonly memberAt: (address: string) => string | undefined;
  readonly endpointOf: (member: string) => Endpoint | undefined;
}

export class ControlChannel {
  private readonly modules: ControlModules;
  private readonly options: ControlOptions;
  private readonly links: TcpLinks;
  private readonly waiting = new Map<string, (answer: Answer) => void>();

  constructor(modules: ControlModules, options: ControlOptions) {
    this.modules = modules;
    this.options = options;
    const { clock, keyring } = modules;
    const sealer = keyring === undefined ? UNSEALED : keyringSealer(keyring);
    this.links = new TcpLinks(
      { clock, sealer },
      { from: options.from, connectTimeout: TCP_TIMEOUT_MS, purpose: 'doc' },
    );
  }

  close(): void {
    this.links.close();
  }

  /** By datagrams; asks again until there is an answer. */
  askByDatagram(to: Endpoint, asked: Asked): Promise<Reply> {
    const { clock, sendDatagram } = this.modules;
    const id = newId();
    const bytes = encodeQuestion({ ...asked, id });
    return new Promise(resolve => {
      let sentAt = clock.now();
      let timer = clock.after(0, () => attempt(DATAGRAM_TRIES));
      const attempt = (left: number): void => {
        if (left === 0) {
          finish({ failure: 'timeout' });
          return;
        }
        sentAt = clock.now();
        sendDatagram(to, bytes);
        timer = clock.after(DATAGRAM_WAIT_MS, () => attempt(left - 1));
      };
      const finish = (reply: Reply): void => {
        timer.cancel();
        this.waiting.delete(id);
        resolve(reply);
      };
      this.waiting.set(id, answer =>
        finish({ answer, roundTrip: clock.now() - sentAt, wall: clock.wallTime() }),
      );
    });
  }

  askByTcp(to: Endpoint, asked: Asked): Promise<Reply> {
    const { clock } = this.modules;
    const id = newId();
    return new Promise(resolve => {
      let isDone = false;
      const sentAt = clock.now();
      const finish = (reply: Reply): void => {
        if (isDone) return;
        isDone = true;
        timer.cancel();
        resolve(reply);
        link.abort();
      };
      const timer = clock.after(TCP_TIMEOUT_MS, () => finish({ failure: 'timeout' }));
      const link = this.links.open(
        { endpoint: to },
        {
          onFrame: frame => {
            const message = decodeMessage(frame);
            if (message === undefined || !('answer' in message) || message.answer.id !== id) return;
            finish({ answer: message.answer, roundTrip: clock.now() - sentAt, wall: clock.wallTime() });
          },
          onWritable: () => {},
          onClose: failure => finish({ failure: failure ?? 'closed' }),
        },
      );
      link.send(encodeQuestion({ ...asked, id }));
    });
  }

  /** A datagram of the member of this name. Never throws. */
  takeDatagram(from: string, bytes: Uint8Array): void {
    const message = decodeMessage(bytes);
    if (message === undefined) return;
    if ('answer' in message) {
      this.waiting.get(message.answer.id)?.(message.answer);
      return;
    }
    void this.answered(from, message.question, true).then(answer => {
      const to = this.options.endpointOf(from);
      // No answer is longer than its question: whoever forges the source of one gains nothing.
      if (answer !== undefined && to !== undefined && answer.length <= bytes.length) {
        this.modules.sendDatagram(to, answer);
      }
    });
  }

  /** A connection that begins as one for us. */
  takeLink(socket: Socket, head: Uint8Array): void {
    const member = this.options.memberAt(socket.remoteAddress ?? '');
    if (member === undefined) {
      socket.destroy();
      return;
    }
    this.links.take(socket, head, link => ({
      onFrame: frame => this.takeFrame(member, link, frame),
      onWritable: () => {},
      onClose: () => {},
    }));
  }

  private takeFrame(member: string, link: Link, frame: Uint8Array): void {
    const message = decodeMessage(frame);
    if (message === undefined || !('question' in message)) {
      link.abort();
      return;
    }
    void this.answered(member, message.question, false).then(answer => {
      if (answer === undefined) link.abort();
      else link.send(answer);
    });
  }

  private async answered(
    member: string,
    question: Question,
    isDatagram: boolean,
  ): Promise<Uint8Array | undefined> {
    const answer = await this.options.answer(member, question, isDatagram).catch(() => undefined);
    return answer === undefined ? undefined : encodeAnswer(answer);
  }
}

function newId(): string {
  return randomBytes(8).toString('hex');
}
