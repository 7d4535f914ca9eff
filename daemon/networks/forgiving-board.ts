/** The board of the pool, for whom a post that peers would not take is to be told of, and no reason to stop. */
import type { RecordLog } from '../../control/records/record-log.ts';
import { WeftError } from '../../dataplane/errors.ts';
import { errorFields, type Log } from '../log.ts';

export type PoolBoard = Pick<RecordLog, 'post' | 'posts'>;

/** Throws nothing but defects: beyond our quota, what is posted is logged and left. */
export function forgivingBoard({ board, log }: { readonly board: PoolBoard; readonly log: Log }): PoolBoard {
  return {
    posts: () => board.posts(),
    post(key, body) {
      try {
        board.post(key, body);
      } catch (error) {
        if (!(error instanceof WeftError)) throw error;
        log.error(
          { component: 'control', ...errorFields(error) },
          'cannot tell the pool of a network or its addresses',
        );
      }
    },
  };
}
