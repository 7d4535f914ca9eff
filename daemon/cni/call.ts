/** A call of the CNI plugin as it reaches the daemon: the environment of weft-cni in headers, its standard input as the body. */
import type { IncomingHttpHeaders } from 'node:http';
import { CNI_ERROR, CniError } from './cni-error.ts';

export const CNI_COMMANDS = ['ADD', 'DEL', 'CHECK', 'GC', 'STATUS', 'VERSION'] as const;
export type CniCommand = (typeof CNI_COMMANDS)[number];

export interface CniCall {
  readonly command: CniCommand;
  /** CNI_CONTAINERID, CNI_NETNS and CNI_IFNAME; empty where the runtime gives none. */
  readonly container: string;
  readonly netns: string;
  readonly ifname: string;
  /** CNI_ARGS. */
  readonly args: ReadonlyMap<string, string>;
  /** The configuration, as it came. */
  readonly config: string;
  /** What the IPAM plugin of the configuration has printed; undefined: there is none. */
  readonly delegated: string | undefined;
}

/** What weft-cni is to print, and whether it is to end with 0. */
export interface CniAnswer {
  readonly ok: boolean;
  readonly body: string;
}

/** Carries a call out. Never throws: what fails is the answer. */
export type CniHandler = (call: CniCall) => Promise<CniAnswer>;

/** The environment of a plugin, by the names of the specification. */
export type CniEnvironment = Readonly<Partial<Record<string, string>>>;

/** Headers of native/call.c to variables. */
const HEADERS: Readonly<Record<string, string>> = {
  'x-cni-command': 'CNI_COMMAND',
  'x-cni-container': 'CNI_CONTAINERID',
  'x-cni-netns': 'CNI_NETNS',
  'x-cni-ifname': 'CNI_IFNAME',
  'x-cni-args': 'CNI_ARGS',
};

/** The headers that carry this environment. Throws CniError. */
export function headersOf(environment: CniEnvironment): Record<string, string> {
  const entries = Object.entries(HEADERS).flatMap(([header, variable]) => {
    const value = environment[variable];
    return value === undefined || value === '' ? [] : [[header, value] as const];
  });
  const wrong = entries.find(([, value]) => /\p{Cc}/u.test(value));
  if (wrong !== undefined) throw invalid(`${HEADERS[wrong[0]]} has a control character`, '');
  return Object.fromEntries(entries);
}

export function environmentOf(headers: IncomingHttpHeaders): CniEnvironment {
  return Object.fromEntries(
    Object.entries(HEADERS).flatMap(([header, variable]) => {
      const value = headers[header];
      return typeof value === 'string' ? [[variable, value]] : [];
    }),
  );
}

/** The body with both documents: a line with the length of each in bytes, then one after the other (native/main.c). Throws CniError. */
export function splitDelegated(body: string): { readonly config: string; readonly delegated: string } {
  const [, config = '', delegated = ''] = /^(\d+) (\d+)\n/.exec(body) ?? [];
  const bytes = Buffer.from(body.slice(body.indexOf('\n') + 1));
  const length = Number(config);
  if (config === '' || bytes.length !== length + Number(delegated)) {
    throw new CniError(CNI_ERROR.undecodable, 'what weft-cni sent is not of this version of weft');
  }
  return {
    config: bytes.subarray(0, length).toString('utf8'),
    delegated: bytes.subarray(length).toString('utf8'),
  };
}

/** CNI specification 1.1.0, section 2: "must start with an alphanumeric character, optionally followed by …". */
const CONTAINER_ID = /^[A-Za-z0-9][A-Za-z0-9_.-]*$/;
const MAX_CONTAINER_ID = 128;

/** Throws CniError: invalidEnvironment. */
export function parseCall(
  environment: CniEnvironment,
  input: { readonly config: string; readonly delegated?: string },
): CniCall {
  const value = (name: string): string => environment[name] ?? '';
  const command = CNI_COMMANDS.find(name => name === value('CNI_COMMAND'));
  if (command === undefined)
    throw invalid(`CNI_COMMAND is "${value('CNI_COMMAND')}"`, `use ${CNI_COMMANDS.join(', ')}`);
  const call: CniCall = {
    command,
    container: value('CNI_CONTAINERID'),
    netns: value('CNI_NETNS'),
    ifname: value('CNI_IFNAME'),
    args: parseArgs(value('CNI_ARGS')),
    config: input.config,
    delegated: input.delegated,
  };
  requireVariables(call);
  return call;
}

function requireVariables({ command, container, netns, ifname }: CniCall): void {
  if (command === 'GC' || command === 'STATUS' || command === 'VERSION') return;
  const isNeeded = {
    CNI_CONTAINERID: container,
    CNI_IFNAME: ifname,
    ...(command !== 'DEL' && { CNI_NETNS: netns }),
  };
  const missing = Object.entries(isNeeded).flatMap(([name, value]) => (value === '' ? [name] : []));
  if (missing.length > 0) throw invalid(`${missing.join(', ')}: not set`, `${command} needs it`);
  if (!CONTAINER_ID.test(container) || container.length > MAX_CONTAINER_ID) {
    throw invalid(
      `CNI_CONTAINERID is "${container}"`,
      'it begins with a letter or digit; then dots, dashes, underscores too',
    );
  }
  if (/[/:\s]/.test(ifname) || ifname.length > 15 || ifname === '.' || ifname === '..') {
    throw invalid(
      `CNI_IFNAME is "${ifname}"`,
      'an interface name has at most 15 characters, no slash, colon or blank',
    );
  }
}

/** "Alphanumeric key-value pairs separated by semicolons". */
function parseArgs(text: string): Map<string, string> {
  const pairs = text.split(';').filter(pair => pair !== '');
  return new Map(
    pairs.map(pair => {
      const equals = pair.indexOf('=');
      if (equals < 1)
        throw invalid(`CNI_ARGS has "${pair}"`, 'write KEY=VALUE, with semicolons between them');
      return [pair.slice(0, equals), pair.slice(equals + 1)] as const;
    }),
  );
}

function invalid(message: string, details: string): CniError {
  return new CniError(CNI_ERROR.invalidEnvironment, message, details);
}
