/** nft: rules of the kernel's packet filter and address translation, changed in transactions and read as JSON. */
import { existsSync } from 'node:fs';
import { WeftError } from '../../dataplane/errors.ts';
import { run } from './run.ts';

/** An item of what `nft -j list …` answers (libnftables-json(5)); only what weft reads. */
export interface NftItem {
  readonly chain?: {
    readonly family: string;
    readonly table: string;
    readonly name: string;
    /** Of a chain with a hook. */
    readonly policy?: string;
  };
  readonly rule?: { readonly handle: number; readonly comment?: string };
}

/** The packet filter of the daemon's own namespace. */
export interface Nft {
  /** Carries out the text (nft(8)) whole, or nothing of it. Throws `unavailable` where there is no nft, `not_permitted`, `system`. */
  apply(script: string): Promise<void>;
  /** What is there, as in `list(['chains'])`; nothing for what is not there. Throws as {@link apply}. */
  list(what: readonly string[]): Promise<readonly NftItem[]>;
}

/**
 * nftables has it here on all distributions. What is first on the search path may be another program of that name: a package of npm has one, and
 * `npm run` puts it first.
 */
const PATHS = ['/usr/sbin/nft', '/sbin/nft'];

function program(): string {
  return PATHS.find(path => existsSync(path)) ?? 'nft';
}

export const systemNft: Nft = {
  async apply(script) {
    const { code, stderr } = await run([program(), '-f', '-'], undefined, script);
    if (code !== 0) throw refusal('the rules', stderr);
  },

  async list(what) {
    const { code, stdout, stderr } = await run([program(), '-j', 'list', ...what], undefined, '');
    if (code !== 0 && !/No such file or directory/.test(stderr)) throw refusal(what.join(' '), stderr);
    if (code !== 0 || stdout.trim() === '') return [];
    const { nftables } = JSON.parse(stdout) as { nftables: readonly NftItem[] };
    return nftables;
  },
};

function refusal(what: string, stderr: string): WeftError {
  // "/dev/stdin:3:5-9: Error: …" or "Error: …", then the line that is meant.
  const [, reason] = /Error: (.*)/.exec(stderr) ?? [];
  const message = `nft refuses ${what}: ${reason ?? stderr.trim().split('\n', 1)[0]}`;
  const isForbidden = /Operation not permitted/.test(stderr);
  return new WeftError(isForbidden ? 'not_permitted' : 'system', message, {
    hint: isForbidden
      ? 'run weft with CAP_NET_ADMIN'
      : 'compare nft list ruleset; the kernel needs nf_tables with nat',
  });
}
