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

const NUMBERED = /^([ds])(0|[1-9]\d{0,4})$/;

export class Intake {
  /** Posts that could not be read. */
  malformed = 0;
  /** Somebody has posted what only those post who know a council. */
  hasSeenCouncil = false;
  private readonly modules: IntakeModules;

  constructor(modules: IntakeModules) {
    this.modules = modules;
  }

  take(origin: string, key: string, body: Uint8Array | undefined): void {
    const { posts, agenda, council, founding, lending, silence } = this.modules;
    switch (key) {
      case 'v':
        council.takeVote(
          origin,
          this.read(key, body, bytes => posts.readVote(bytes)),
        );
      case 'p':
        return council.takeProposal(
          origin,
          this.read(key, body, bytes => posts.readProposal(bytes)),
        );
      case 'r': {
        const request = this.read(key, body, bytes => posts.readRequest(bytes));
        agenda.take(origin, request);
        lending.takeRequest(origin, request);
        break;
      }
      case 'x':
        silence.take(
          origin,
          this.read(key, body, bytes => posts.readSilence(bytes)),
        );
        agenda.changed();
        break;
      case 'y':
        return lending.takeAnswers(
          origin,
          this.read(key, body, bytes => posts.readAnswers(bytes)),
        );
      case 'a':
        return lending.takeAdvert(
          origin,
          this.read(key, body, bytes => posts.readAdvert(bytes)),
        );
      case 'f':
        return founding.take(
          origin,
          this.read(key, body, bytes => posts.readFounding(bytes)),
        );
      default:
        this.takeNumbered(origin, key, body);
    }
  }

  private takeNumbered(origin: string, key: string, body: Uint8Array | undefined): void {
    const { ledger, posts } = this.modules;
    const [, letter, digits] = NUMBERED.exec(key) ?? [];
    const number = Number(digits);
    if (letter === 'd' && number < DECISIONS_KEPT) {
      ledger.takeDecision(
        origin,
        key,
        this.read(key, body, bytes => posts.readDecision(bytes)),
      );
    } else if (letter === 's' && number < MAX_PAGES) {
      ledger.takePage(
        origin,
        number,
        this.read(key, body, bytes => posts.readPage(bytes)),
      );
    } else this.malformed += 1;
  }

  private read<T>(
    key: string,
    body: Uint8Array | undefined,
    decode: (bytes: Uint8Array) => T,
  ): T | undefined {
    if (body === undefined) return undefined;
    try {
      const post = decode(body);
      if (key !== 'f') this.hasSeenCouncil = true;
      return post;
    } catch (error) {
      if (!(error instanceof WeftError)) throw error;
      this.malformed += 1;
      return undefined;
    }
  }
}
