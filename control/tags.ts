/**
 * The metadata that a node's alive message carries, in the form serf gives it: 0xff and a msgpack map of texts, at
 * most 512 bytes. weft's own tags: `role=weft`, `vtep=<address>`, `port=<VXLAN UDP port>`, `vnis=<list as 42,50-60>`.
 */
import { type IpAddress, MAX_VNI, parseIp, type Vni } from '../dataplane/address.ts';
import { WeftError } from '../dataplane/errors.ts';
import { META_MAX_BYTES } from './constants.ts';
import { MsgpackReader, MsgpackWriter } from './msgpack.ts';

export type Tags = ReadonlyMap<string, string>;

/** The byte that tells serf's tags from the bare role text of serf 0.3 (serf `tagMagicByte`). */
const TAG_MAGIC = 0xff;

/** VNIs that one list may expand to: a peer's 512 bytes could otherwise name 16 million. */
const MAX_LISTED_VNIS = 4096;

/** Encodes tags, keys sorted. Throws `invalid_argument` if they take more than 512 bytes. */
export function encodeTags(tags: Tags): Uint8Array {
  const writer = new MsgpackWriter().byte(TAG_MAGIC).map(tags.size);
  for (const [key, value] of [...tags].sort(([a], [b]) => (a < b ? -1 : 1))) writer.text(key).text(value);
  const bytes = writer.bytes();
  if (bytes.length > META_MAX_BYTES) {
    throw new WeftError(
      'invalid_argument',
      `tags take ${bytes.length} bytes, ${META_MAX_BYTES} are allowed`,
      {
        hint: 'attach fewer networks to this node, or give them consecutive VNIs',
      },
    );
  }
  return bytes;
}

/** Decodes tags. Throws `malformed` for metadata of another form, which other users of memberlist may have. */
export function decodeTags(meta: Uint8Array): Tags {
  const tags = new Map<string, string>();
  if (meta.length === 0) return tags;
  if (meta[0] !== TAG_MAGIC || meta.length > META_MAX_BYTES) {
    throw new WeftError('malformed', 'metadata does not hold tags');
  }
  const reader = new MsgpackReader(meta, 1);
  const count = reader.mapLength();
  for (let index = 0; index < count; index++) tags.set(reader.text(), reader.text());
  return tags;
}

/** What weft nodes tell each other in their tags. */
export interface WeftTags {
  readonly vtep: IpAddress;
  /** UDP port of VXLAN at the VTEP. */
  readonly port: number;
  /** In ascending order, each once. */
  readonly vnis: readonly Vni[];
}

export function weftTags({ vtep, port, vnis }: WeftTags): Tags {
  return new Map([
    ['role', 'weft'],
    ['vtep', vtep],
    ['port', String(port)],
    ['vnis', formatVnis(vnis)],
  ]);
}

/** The inverse of {@link weftTags}; undefined if the node is not a weft one. Throws `malformed`. */
export function parseWeftTags(tags: Tags): WeftTags | undefined {
  if (tags.get('role') !== 'weft') return undefined;
  const port = Number(tags.get('port'));
  if (!/^\d{1,5}$/.test(tags.get('port') ?? '') || port < 1 || port > 0xffff) {
    throw new WeftError('malformed', 'tag port is not a UDP port');
  }
  return { vtep: parseVtep(tags.get('vtep') ?? ''), port, vnis: parseVnis(tags.get('vnis') ?? '') };
}

function parseVtep(text: string): IpAddress {
  try {
    return parseIp(text);
  } catch (cause) {
    throw new WeftError('malformed', 'tag vtep is not an IP address', { cause });
  }
}

/** A list as `42,50-60`: ascending, runs of three and more as ranges. The order and repetition of the argument do not matter. */
export function formatVnis(vnis: readonly Vni[]): string {
  const sorted = [...new Set(vnis)].sort((a, b) => a - b);
  const runs: string[] = [];
  for (let start = 0; start < sorted.length; ) {
    let end = start;
    while (sorted[end + 1] === Number(sorted[end]) + 1) end++;
    if (end - start >= 2) runs.push(`${sorted[start]}-${sorted[end]}`);
    else runs.push(sorted.slice(start, end + 1).join(','));
    start = end + 1;
  }
  return runs.join(',');
}

/** The inverse of {@link formatVnis}. Throws `malformed` also if it names more than 4,096. */
export function parseVnis(text: string): readonly Vni[] {
  const vnis = new Set<number>();
  for (const run of text === '' ? [] : text.split(',')) {
    const match = /^(\d{1,8})(?:-(\d{1,8}))?$/.exec(run);
    const first = Number(match?.[1]);
    const last = Number(match?.[2] ?? match?.[1]);
    if (match === null || first < 1 || last < first || last > MAX_VNI) {
      throw new WeftError('malformed', 'tag vnis is not a list of VNIs');
    }
    if (vnis.size + last - first >= MAX_LISTED_VNIS) {
      throw new WeftError('malformed', `tag vnis names more than ${MAX_LISTED_VNIS} VNIs`);
    }
    for (let vni = first; vni <= last; vni++) vnis.add(vni);
  }
  return [...vnis].sort((a, b) => a - b) as Vni[];
}
