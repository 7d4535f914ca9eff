/** Changes the keys of the whole pool, ours first; every member answers for itself (serf keymanager.go). */
import type { Clock } from '../../dataplane/clock.ts';
import { WeftError } from '../../dataplane/errors.ts';
import { type GossipKey, keyBytes, parseGossipKey } from '../gossip-key.ts';
import type { Keyring } from '../keyring.ts';
import type { MemberTable } from '../member-table.ts';
import { isUp } from '../members.ts';
import { KEY_QUERIES, type KeyAgent, type KeyOperation, noKeyring } from './key-agent.ts';
import type { Serf } from './serf.ts';
import { decodeKeyResponse, encodeKeyRequest } from './serf-message.ts';

/**
 * Queries and answers are datagrams: who has not answered the one that is gossiped is asked again, directly. At 10 % loss
 * each way one in 200,000 is not heard in the end. Doing a thing twice is no change.
 */
const ROUNDS = 7;

/** How long a member that was asked directly may take, in milliseconds. */
const DIRECT_WAIT = 1000;

/** What a member says of its keys, by their fingerprints. */
export interface KeyAnswer {
  readonly node: string;
  readonly ok: boolean;
  /** Why not; empty if it is. */
  readonly message: string;
  /** Of a list; otherwise empty. */
  readonly keys: readonly string[];
  readonly primary: string | undefined;
}

export interface KeyRotationModules {
  readonly clock: Clock;
  readonly keyring: Keyring | undefined;
  readonly table: MemberTable;
  readonly local: { readonly name: string };
  readonly serf: Serf;
  readonly agent: KeyAgent;
}

export class KeyRotation {
  private readonly modules: KeyRotationModules;
  private isRunning = false;

  constructor(modules: KeyRotationModules) {
    this.modules = modules;
  }

  /**
   * `done` gets an answer for each member that is up, ourselves included. Throws, and nothing has been changed anywhere:
   * `unavailable` without a keyring, `conflict` while another change is under way, and what {@link Keyring} throws.
   */
  run(
    operation: KeyOperation,
    key: GossipKey | undefined,
    done: (answers: readonly KeyAnswer[]) => void,
  ): void {
    const { agent, keyring, local, table } = this.modules;
    if (keyring === undefined) throw noKeyring();
    if (this.isRunning) throw new WeftError('conflict', 'another change of gossip keys is under way');
    const bytes = key === undefined ? new Uint8Array(0) : keyBytes(key);
    agent.apply(operation, bytes);
    this.isRunning = true;
    const isList = operation === 'list';
    const own: KeyAnswer = {
      node: local.name,
      ok: true,
      message: '',
      keys: isList ? keyring.all().map(({ fingerprint }) => fingerprint) : [],
      primary: isList ? keyring.primary.fingerprint : undefined,
    };
    const missing = new Set([...table.all()].filter(({ state }) => isUp(state)).map(({ name }) => name));
    this.askRound(
      { operation, payload: encodeKeyRequest(bytes), missing, answers: [own], roundsLeft: ROUNDS },
      answers => {
        this.isRunning = false;
        done(answers);
      },
    );
  }

  private askRound(round: Round, done: (answers: readonly KeyAnswer[]) => void): void {
    const { clock, serf } = this.modules;
    const { answers, missing, operation, payload, roundsLeft } = round;
    if (missing.size === 0 || roundsLeft === 0) {
      const silent = [...missing].map(node => failure(node, 'it does not answer'));
      // Later, also when there is nobody to ask: a callback comes never before the call returns.
      clock.after(0, () => done([...answers, ...silent]));
      return;
    }
    const finish = (): void => {
      timer.cancel();
      end();
      this.askRound({ ...round, roundsLeft: roundsLeft - 1 }, done);
    };
    const isFirst = roundsLeft === ROUNDS;
    const timer = clock.after(isFirst ? serf.queryTimeout / 2 : DIRECT_WAIT, finish);
    const end = serf.ask({
      name: KEY_QUERIES[operation],
      payload,
      to: isFirst ? undefined : [...missing],
      onAnswer: (from, answer) => {
        if (!missing.delete(from)) return;
        answers.push(answerOf(from, answer));
        if (missing.size === 0) finish();
      },
    });
  }
}

interface Round {
  readonly operation: KeyOperation;
  readonly payload: Uint8Array;
  readonly missing: Set<string>;
  readonly answers: KeyAnswer[];
  readonly roundsLeft: number;
}

function answerOf(node: string, payload: Uint8Array): KeyAnswer {
  try {
    const { result, message, keys, primary } = decodeKeyResponse(payload);
    if (!result) return failure(node, message);
    const print = (text: string): string => parseGossipKey(text).fingerprint;
    return {
      node,
      ok: true,
      message: '',
      keys: keys.map(print),
      primary: primary === '' ? undefined : print(primary),
    };
  } catch (error) {
    if (!(error instanceof WeftError)) throw error;
    return failure(node, 'its answer cannot be read');
  }
}

function failure(node: string, message: string): KeyAnswer {
  return { node, ok: false, message, keys: [], primary: undefined };
}
