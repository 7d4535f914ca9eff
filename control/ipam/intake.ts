/** What others have on the board, to those who need it. A body that cannot be read counts as none. */
import { WeftError } from '../../dataplane/errors.ts';
import type { Agenda } from './agenda.ts';
import type { Council } from './council.ts';
import type { Founding } from './founding.ts';
import type { Ledger } from './ledger.ts';
import type { Lending } from './lending.ts';
import { DECISIONS_KEPT, MAX_PAGES } from './limits.ts';
import type { Posts } from './posts.ts';
import type { Silence } from './silence.ts';

export interface IntakeModules {
  readonly posts: Posts;
  readonly agenda: Agenda;
  readonly council: Council;
  readonly founding: Founding;
  readonly ledger: Ledger;
  readonly lending: Lending;
  readonly silence: Silence;
}

type Take = (origin: string, body: Uint8Array | undefined) => void;

const NUMBERED = /^([ds])(0|[1-9]\d{0,4})$/;

export class Intake {
  /** Posts that could not be read. */
  malformed = 0;
  /** Somebody has posted what only those post who know a council. */
  hasSeenCouncil = false;
  private readonly modules: IntakeModules;
  private readonly takers: ReadonlyMap<string, Take>;

  constructor(modules: IntakeModules) {
    this.modules = modules;
    const { posts, agenda, council, founding, lending, silence } = modules;
    this.takers = new Map<string, Take>([
      ['v', this.reading(bytes => posts.readVote(bytes), council.takeVote.bind(council))],
      ['p', this.reading(bytes => posts.readProposal(bytes), council.takeProposal.bind(council))],
      ['y', this.reading(bytes => posts.readAnswers(bytes), lending.takeAnswers.bind(lending))],
      ['a', this.reading(bytes => posts.readAdvert(bytes), lending.takeAdvert.bind(lending))],
      ['f', this.reading(bytes => posts.readFounding(bytes), founding.take.bind(founding))],
      [
        'r',
        this.reading(
          bytes => posts.readRequest(bytes),
          (origin, request) => {
            agenda.take(origin, request);
            lending.takeRequest(origin, request);
          },
        ),
      ],
      [
        'x',
        this.reading(
          bytes => posts.readSilence(bytes),
          (origin, silent) => {
            silence.take(origin, silent);
            agenda.changed();
          },
        ),
      ],
    ]);
  }

  take(origin: string, key: string, body: Uint8Array | undefined): void {
    const before = this.malformed;
    const taker = this.takers.get(key);
    if (taker === undefined) this.takeNumbered(origin, key, body);
    else taker(origin, body);
    if (key !== 'f' && body !== undefined && this.malformed === before) this.hasSeenCouncil = true;
  }

  private takeNumbered(origin: string, key: string, body: Uint8Array | undefined): void {
    const { ledger, posts } = this.modules;
    const [, letter, digits] = NUMBERED.exec(key) ?? [];
    const number = Number(digits);
    if (letter === 'd' && number < DECISIONS_KEPT) {
      const take = this.reading(
        bytes => posts.readDecision(bytes),
        (name, post) => ledger.takeDecision(name, key, post),
      );
      take(origin, body);
    } else if (letter === 's' && number < MAX_PAGES) {
      const take = this.reading(
        bytes => posts.readPage(bytes),
        (name, post) => ledger.takePage(name, number, post),
      );
      take(origin, body);
    } else this.malformed += 1;
  }

  private reading<T>(
    decode: (bytes: Uint8Array) => T,
    take: (origin: string, post: T | undefined) => void,
  ): Take {
    return (origin, body) => take(origin, body && this.read(body, decode));
  }

  private read<T>(body: Uint8Array, decode: (bytes: Uint8Array) => T): T | undefined {
    try {
      return decode(body);
    } catch (error) {
      if (!(error instanceof WeftError)) throw error;
      this.malformed += 1;
      return undefined;
    }
  }
}
