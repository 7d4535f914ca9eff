/** Queries for other names, handed on as they are to the resolvers of the VM, and their answers handed back. */
import { randomInt } from 'node:crypto';
import { lowerCase } from '../names.ts';
import type { UpstreamServer } from './dns-config.ts';
import type { Exchange, Transport } from './exchange.ts';
import { type DnsQuery, endOfQuestion, HEADER_BYTES } from './query.ts';

/** glibc asks again after 5 s (RES_TIMEOUT of resolv.h): all servers have had their turn by then. */
const TOTAL_MS = 4_500;
/** One server that is slow, for it has to ask others itself, is not given up sooner. */
const SHORTEST_MS = 1_500;

/** The whole node may have so many questions on their way: each is a descriptor. */
const MAX_PENDING = 512;

const QR = 0x8000;

export interface ForwarderModules {
  readonly servers: { list(): Promise<readonly UpstreamServer[]> };
  readonly exchange: Exchange;
  /** 0 … 65535, not to be guessed. @default of the system */
  readonly randomId?: () => number;
}

/** `busy`: too many are on their way. `silent`: no server answered. */
export type Forwarded = Buffer | 'busy' | 'silent';

export class Forwarder {
  private readonly modules: ForwarderModules;
  private pending = 0;
  /** It answered last: it is asked first. */
  private preferred = '';

  constructor(modules: ForwarderModules) {
    this.modules = modules;
  }

  /** The answer with the id of the query. Never rejects. */
  async forward(query: DnsQuery, via: Transport): Promise<Forwarded> {
    if (this.pending >= MAX_PENDING) return 'busy';
    this.pending += 1;
    try {
      return await this.ask(query, via);
    } finally {
      this.pending -= 1;
    }
  }

  private async ask(query: DnsQuery, via: Transport): Promise<Forwarded> {
    const { servers, exchange, randomId = () => randomInt(0x1_0000) } = this.modules;
    const all = await servers.list();
    const inOrder = all.toSorted((a, b) => Number(this.isPreferred(b)) - Number(this.isPreferred(a)));
    const timeoutMs = Math.max(SHORTEST_MS, TOTAL_MS / Math.max(1, all.length));
    for (const server of inOrder) {
      const message = Buffer.from(query.bytes);
      const id = randomId();
      message.writeUInt16BE(id, 0);
      try {
        const isAnswer = (answer: Buffer) => answersTo(answer, id, query.question);
        const answer = Buffer.from(await exchange({ server, via, message, timeoutMs, isAnswer }));
        this.preferred = keyOf(server);
        answer.writeUInt16BE(query.id, 0);
        return answer;
      } catch {
        // Why is of no use to the container; the next one may do better.
      }
    }
    return 'silent';
  }

  private isPreferred(server: UpstreamServer): boolean {
    return keyOf(server) === this.preferred;
  }
}

function keyOf({ address, port }: UpstreamServer): string {
  return `${address} ${port}`;
}

/** RFC 5452 section 9: the id and the question have to be those of the query. A server that cannot read it may leave the question out. */
function answersTo(answer: Buffer, id: number, question: Buffer): boolean {
  if (answer.length < HEADER_BYTES || answer.readUInt16BE(0) !== id) return false;
  if ((answer.readUInt16BE(2) & QR) === 0) return false;
  if (answer.readUInt16BE(4) === 0) return (answer.readUInt16BE(2) & 0xf) !== 0;
  const repeated = answer.subarray(HEADER_BYTES, endOfQuestion(answer));
  return lowerCase(repeated.toString('latin1')) === lowerCase(question.toString('latin1'));
}
