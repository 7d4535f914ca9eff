/**
 * Who pings us by our name, and is nobody we know, remembers our former life: a node that lost its memory and has no
 * address to join (the first node of a pool, after a crash) asks it for the pool at once. Without this it would wait for
 * the next periodic exchange. memberlist has no such rule; serf keeps a file of peers instead.
 */
import type { Clock } from '../dataplane/clock.ts';
import { type Endpoint, isUsable } from './endpoint.ts';
import type { Exchanger } from './exchanger.ts';

/** At most one greeting a second: pings are not authenticated, and must not make us open streams at will. */
const GREETING_INTERVAL = 1000;

export interface GreeterModules {
  readonly clock: Pick<Clock, 'now'>;
  readonly table: { at(endpoint: Endpoint): unknown };
  readonly local: { readonly leaving: boolean };
  readonly exchanger: Pick<Exchanger, 'exchange'>;
}

export class Greeter {
  private readonly modules: GreeterModules;
  private isGreeting = false;
  private greetedAt = Number.NEGATIVE_INFINITY;

  constructor(modules: GreeterModules) {
    this.modules = modules;
  }

  /** A ping for our name came from `from`, whose sender says that it is at `source`. */
  heard(source: Endpoint, from: Endpoint): void {
    const { clock, table, local, exchanger } = this.modules;
    // What a sender says of where it is may be about somebody else: only who is there himself is greeted.
    if (source.address !== from.address || !isUsable(source) || table.at(source) !== undefined) return;
    if (local.leaving || this.isGreeting || clock.now() - this.greetedAt < GREETING_INTERVAL) return;
    this.isGreeting = true;
    this.greetedAt = clock.now();
    exchanger.exchange(source, true, () => {
      this.isGreeting = false;
    });
  }
}
