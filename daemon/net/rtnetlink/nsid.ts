/** The number that a namespace has in ours (RTM_GETNSID, ip-netns(8) `list-id`): by it the kernel names namespaces in what it tells. */
import { constants } from 'node:os';
import { changeNet, NetChangeError, type NetMessage } from '../../../dataplane/net-change.ts';
import { MessageWriter, readAttributes, readMessages } from './message.ts';

// linux/rtnetlink.h: types of messages. linux/net_namespace.h: attributes.
const RTM_NEWNSID = 88;
const RTM_GETNSID = 90;
const NETNSA_NSID = 1;
const NETNSA_FD = 3;
/** -1, which asks for any. */
const NETNSA_NSID_NOT_ASSIGNED = 0xffff_ffff;
/** struct rtgenmsg, aligned. */
const RTGENMSG_SIZE = 4;

export function askForNsid(path: string): NetMessage {
  return new MessageWriter(RTM_GETNSID).zeros(RTGENMSG_SIZE).netnsAttribute(NETNSA_FD, path).finish();
}

/** The kernel chooses the number (`ip netns set NAME auto`). Refused with EEXIST where there is one. */
export function giveNsid(path: string): NetMessage {
  return new MessageWriter(RTM_NEWNSID)
    .zeros(RTGENMSG_SIZE)
    .u32Attribute(NETNSA_NSID, NETNSA_NSID_NOT_ASSIGNED)
    .netnsAttribute(NETNSA_FD, path)
    .finish();
}

/** Undefined: it has none, for no link of ours leads there. */
export function readNsid(answer: Buffer): number | undefined {
  for (const { type, body } of readMessages(answer)) {
    if (type !== RTM_NEWNSID) continue;
    const nsid = readAttributes(body.subarray(RTGENMSG_SIZE)).get(NETNSA_NSID)?.readInt32LE(0);
    // Of one without a number the kernel says -1.
    if (nsid !== undefined && nsid >= 0) return nsid;
  }
  return undefined;
}

/** Of the namespace of that file. Throws as changeNet does. */
export async function nsidOf(path: string): Promise<number | undefined> {
  return readNsid(await changeNet(undefined, [askForNsid(path)]));
}

/** After it the namespace of that file has a number. The kernel gives one by itself only where a link of ours leads to. Throws as changeNet does. */
export async function numberNamespace(path: string): Promise<void> {
  try {
    await changeNet(undefined, [giveNsid(path)]);
  } catch (error) {
    if (!(error instanceof NetChangeError && error.errno === constants.errno.EEXIST)) throw error;
  }
}
