/** A configuration file to a {@link Config}, or to the list of everything that is wrong with it. */
import { type FileHandle, open } from 'node:fs/promises';
import { hostname } from 'node:os';
import type * as z from 'zod';
import { WeftError } from '../../dataplane/errors.ts';
import { OFFLOADS, type Offload, type OffloadSwitch, offloadKey } from '../../dataplane/offloads.ts';
import { DNS_PORT } from '../dns/dns-config.ts';
import { exampleConfigPath } from '../package-info.ts';
import { type Config, DEFAULT_CONFIG_PATH } from './config.ts';
import { didYouMean } from './did-you-mean.ts';
import { type ConfigDocument, readDocument } from './document.ts';
import { formatHostPort } from './host-port.ts';
import { formatProblem, type KeyPath, type Problem, sortProblems } from './problem.ts';
import { type ConfigFile, fileSchema, KNOWN_KEYS } from './schema.ts';
import { checkSemantics, defaultNodeName } from './semantics.ts';

/** A hand-written file has kilobytes; what is larger is not one. */
export const MAX_CONFIG_BYTES = 1024 * 1024;

type Outcome = { readonly config: Config } | { readonly problems: readonly string[] };

/**
 * Reads and checks the file; undefined means {@link DEFAULT_CONFIG_PATH}. Throws `invalid_config`: the message is the
 * first problem, the hint counts the others. A node.name that is not given is the host name in lower case.
 */
export async function loadConfig(path: string | undefined): Promise<Config> {
  return parseConfig(await readConfigText(path), path ?? DEFAULT_CONFIG_PATH);
}

/** As {@link loadConfig}, of text; `file` is how messages call it. */
export function parseConfig(text: string, file: string, hostName = hostname()): Config {
  const outcome = interpret(text, file, hostName);
  if ('config' in outcome) return outcome.config;
  const [first = `${file}: cannot be read`, ...others] = outcome.problems;
  if (others.length === 0) throw new WeftError('invalid_config', first);
  const count = others.length === 1 ? '1 more problem' : `${others.length} more problems`;
  throw new WeftError('invalid_config', first, {
    hint: `and ${count}: run weft config check ${file} for all`,
  });
}

/** What a good file comes to, in its own shape: every key with its value, of a secret only the fingerprint. */
export function readableConfig(text: string): unknown {
  const file = fileSchema.parse(readDocument(text).value);
  const { key, keys, ...gossip } = file.gossip;
  return {
    ...file,
    gossip: {
      ...gossip,
      join: gossip.join.map(({ host, port = gossip.port }) => formatHostPort({ host, port })),
      key: key?.fingerprint,
      keys: keys.map(({ fingerprint }) => fingerprint),
    },
    dns: {
      ...file.dns,
      upstream:
        file.dns.upstream === 'auto'
          ? file.dns.upstream
          : file.dns.upstream.map(({ host, port = DNS_PORT }) => formatHostPort({ host, port })),
    },
    metrics: { listen: file.metrics.listen && formatHostPort(file.metrics.listen) },
  };
}

/** Every problem as one line, in the order of the file; empty when the file is good. */
export function configProblems(text: string, file: string, hostName = hostname()): readonly string[] {
  const outcome = interpret(text, file, hostName);
  return 'config' in outcome ? [] : outcome.problems;
}

/** The text of a configuration file. Throws `invalid_config` when there is none to read. */
export async function readConfigText(path: string | undefined): Promise<string> {
  const file = path ?? DEFAULT_CONFIG_PATH;
  let bytes: Buffer;
  try {
    const handle = await open(file, 'r');
    try {
      bytes = await readAtMost(handle, MAX_CONFIG_BYTES + 1);
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw unreadable(path, error as NodeJS.ErrnoException);
  }
  if (bytes.length > MAX_CONFIG_BYTES) throw tooLarge(file);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new WeftError('invalid_config', `${file}: is not UTF-8 text`, { hint: 'save it as UTF-8' });
  }
}

/** Reads to the end or to `limit` bytes: the file may be a pipe, whose size nobody knows. */
async function readAtMost(handle: FileHandle, limit: number): Promise<Buffer> {
  const bytes = Buffer.alloc(limit);
  let length = 0;
  while (length < limit) {
    const { bytesRead } = await handle.read(bytes, length, limit - length);
    if (bytesRead === 0) break;
    length += bytesRead;
  }
  return bytes.subarray(0, length);
}

function unreadable(path: string | undefined, error: NodeJS.ErrnoException): WeftError {
  const file = path ?? DEFAULT_CONFIG_PATH;
  const another = path === undefined ? 'give --config FILE' : 'name another file';
  const fail = (reason: string, hint: string) =>
    new WeftError('invalid_config', `${file}: cannot be read: ${reason}`, { hint, cause: error });
  switch (error.code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return fail('no such file', `copy ${exampleConfigPath} there and edit it, or ${another}`);
    case 'EACCES':
      return fail('permission denied', 'run weft as root, or correct the mode of the file');
    case 'EISDIR':
      return fail('it is a directory', 'name the file in it');
    default:
      return fail(error.message, 'see that the file can be read');
  }
}

function tooLarge(file: string): WeftError {
  return new WeftError('invalid_config', `${file}: is larger than ${MAX_CONFIG_BYTES} bytes`, {
    hint: 'name a weft configuration file',
  });
}

function interpret(text: string, file: string, hostName: string): Outcome {
  if (Buffer.byteLength(text) > MAX_CONFIG_BYTES) return { problems: [tooLarge(file).line] };
  const document = readDocument(text);
  const problems = [...document.problems];
  if (document.value === null && problems.length === 0) {
    problems.push({ line: 1, path: [], message: `is empty; begin with the example ${exampleConfigPath}` });
  } else if (document.value !== undefined) {
    const parsed = fileSchema.safeParse(document.value);
    if (parsed.success && problems.length === 0) {
      const findings = semanticProblems(document, hostName);
      if (findings.length === 0) return { config: toConfig(parsed.data, hostName) };
      problems.push(...findings);
    } else {
      const issues = parsed.error?.issues ?? [];
      problems.push(...issues.flatMap(issue => toProblems(issue, document)));
      problems.push(...semanticProblems(document, hostName));
    }
  }
  return { problems: sortProblems(problems).map(problem => formatProblem(file, problem)) };
}

function semanticProblems(document: ConfigDocument, hostName: string): readonly Problem[] {
  return checkSemantics(document.value, hostName).map(finding => ({
    ...finding,
    line: document.lineOf(finding.path),
  }));
}

function toProblems(issue: z.core.$ZodIssue, document: ConfigDocument): readonly Problem[] {
  const path = issue.path.map(part => (typeof part === 'number' ? part : String(part)));
  if (issue.code !== 'unrecognized_keys') {
    return [{ line: document.lineOf(path), path, message: issue.message }];
  }
  return issue.keys.map(key => {
    const whole = [...path, key];
    return { line: document.lineOf(whole), path: whole, message: unknownKey(path, key) };
  });
}

function unknownKey(path: KeyPath, key: string): string {
  const place = path
    .map(part => (typeof part === 'number' ? '[]' : part))
    .join('.')
    .replaceAll('.[]', '[]');
  const known = KNOWN_KEYS[place] ?? [];
  const meant = didYouMean(key, known);
  return meant === undefined
    ? `unknown key; the keys here are ${known.join(', ')}`
    : `unknown key; did you mean "${meant}"?`;
}

function offloadsOf(section: ConfigFile['dataplane']['offload']): Config['dataplane']['offload'] {
  const switches = OFFLOADS.map((offload): [Offload, OffloadSwitch] => [
    offload,
    section[offloadKey(offload)],
  ]);
  return Object.fromEntries(switches) as Config['dataplane']['offload'];
}

function toConfig(file: ConfigFile, hostName: string): Config {
  return {
    node: { name: file.node.name ?? defaultNodeName(hostName), underlay: file.node.underlay },
    paths: file.paths,
    vxlan: file.vxlan,
    gossip: {
      port: file.gossip.port,
      join: file.gossip.join.map(({ host, port }) => ({ host, port: port ?? file.gossip.port })),
      key: file.gossip.key,
      keys: file.gossip.keys,
      profile: file.gossip.profile,
    },
    dataplane: {
      workers: file.dataplane.workers,
      sender: file.dataplane.sender,
      offload: offloadsOf(file.dataplane.offload),
    },
    networks: file.networks.map(network => ({
      name: network.name,
      vni: network.vni,
      subnet: network.subnet,
      subnet6: network.subnet6,
      mode: network.mode,
      attach: network.attach,
      gateway: network.gateway,
      gatewayAddresses: network.gateway_addresses,
      parent: network.parent,
      macvlanMode: network.macvlan_mode,
      ipam: network.ipam,
      mtu: network.mtu,
      staticVteps: network.static_vteps,
      unknownUnicast: network.unknown_unicast,
      unknownAddress: network.unknown_address,
      bumRate: network.bum_rate,
    })),
    dns: {
      ...file.dns,
      upstream:
        file.dns.upstream === 'auto'
          ? file.dns.upstream
          : file.dns.upstream.map(({ host, port }) => ({ address: host, port: port ?? DNS_PORT })),
    },
    docker: file.docker,
    metrics: { listen: file.metrics.listen },
    log: file.log,
  };
}
