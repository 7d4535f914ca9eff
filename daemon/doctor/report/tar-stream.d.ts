/** What weft uses of tar-stream, which brings no types. */
declare module 'tar-stream' {
  import type { Readable } from 'node:stream';

  export interface Pack extends Readable {
    entry(header: { readonly name: string; readonly mode: number }, text: string): void;
    finalize(): void;
  }

  export function pack(): Pack;
}
