/** The command line of `npm run bench`. */
import { parseArgs } from 'node:util';
import { WeftError } from '../dataplane/errors.ts';
import type { Wishes } from './plan.ts';
import type { Variant } from './subjects/weft.ts';

export const USAGE = `npm run bench -- [options]

  --quick             three minutes: most of what the targets ask for
  --underlay ID,...   wire-like, veth, 1gbit, 2.5gbit, mtu9000
  --only NAME,...     subjects, as in "kernel vxlan,weft tap"
  --measures ID,...   tcp-1, tcp-8, tcp-64, both-ways, udp-64, udp-512, udp-1400, rr-idle, rr-loaded, connections, idle
  --rounds N          samples of each measure (5; quick: 3)
  --seconds S         length of each sample
  --peers WHICH       other overlays: none, installed (default), or all, which installs the missing ones from Debian
  --variant NAME=JSON adds "weft bridge (NAME)" and "weft tap (NAME)", whose configuration has these top-level keys
  --json FILE         writes all samples
  --write             renews docs/benchmarks

npm run bench -- scale [--help]     curves over peers, forwarding entries, flows and containers
npm run bench -- gossip [--help]    simulated: how fast and at what price nodes learn of each other and of containers
`;

export interface Options {
  readonly help: boolean;
  readonly wishes: Wishes;
  readonly peers: 'none' | 'installed' | 'all';
  readonly variants: readonly Variant[];
  readonly jsonFile: string | undefined;
  readonly write: boolean;
}

/** Throws a WeftError that tells what is wrong. */
export function parseOptions(args: readonly string[]): Options {
  const { values } = parse(args);
  const { peers } = values;
  if (peers !== 'none' && peers !== 'installed' && peers !== 'all')
    throw invalid(`--peers "${peers}" is not none, installed or all`);
  return {
    help: values.help,
    wishes: {
      quick: values.quick,
      underlays: values.underlay?.split(','),
      only: values.only?.split(','),
      measures: values.measures?.split(','),
      rounds: positive('--rounds', values.rounds, Number.isInteger),
      seconds: positive('--seconds', values.seconds, Number.isFinite),
    },
    peers,
    variants: values.variant.map(parseVariant),
    jsonFile: values.json,
    write: values.write,
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        help: { type: 'boolean', default: false },
        quick: { type: 'boolean', default: false },
        underlay: { type: 'string' },
        only: { type: 'string' },
        measures: { type: 'string' },
        rounds: { type: 'string' },
        seconds: { type: 'string' },
        peers: { type: 'string', default: 'installed' },
        variant: { type: 'string', multiple: true, default: [] },
        json: { type: 'string' },
        write: { type: 'boolean', default: false },
      },
    });
  } catch (error) {
    throw invalid(error instanceof Error ? error.message : String(error));
  }
}

function positive(
  option: string,
  text: string | undefined,
  valid: (value: number) => boolean,
): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!valid(value) || value <= 0) throw invalid(`${option} "${text}" is no such number above 0`);
  return value;
}

function parseVariant(text: string): Variant {
  const [, name, json] = /^([^=]+)=(.*)$/s.exec(text) ?? [];
  try {
    const override: unknown = JSON.parse(json ?? '');
    if (name !== undefined && typeof override === 'object' && override !== null && !Array.isArray(override))
      return { name, override: override as Record<string, unknown> };
  } catch {
    // Told below.
  }
  throw invalid(`--variant "${text}" is not NAME={JSON}`);
}

function invalid(what: string): WeftError {
  return new WeftError('invalid_argument', what, { hint: 'npm run bench -- --help lists the options' });
}
