/** The number that a namespace has in ours (RTM_GETNSID, ip-netns(8) `list-id`): by it the kernel names namespaces in what it tells. */
import { changeNet, type NetMessage } from '../../../dataplane/net-change.ts';
import { MessageWriter, readAttributes, readMessages } from './message.ts';

// linux/rtnetlink.h: types of messages. linux/net_namespace.h: attributes.
const RTM_NEWNSID = 88;
const RTM_GETNSID = 90;
const NETNSA_NSID = 1;
const NETNSA_FD = 3;
/** struct rtgenmsg, aligned. */
const RTGENMSG_SIZE = 4;

export function askForNsid(path: string): NetMessage {
  return new MessageWriter(RTM_GETNSID).zeros(RTGENMSG_SIZE).netnsAttribute(NETNSA_FD, path).finish();
}

/** Undefined: it has none, for no link of ours leads there. */
export function readNsid(answer: Buffer): number | undefined {
  for (const { type, body } of readMessages(answer)) {
    if (type !== RTM_NEWNSID) continue;
    const nsid = readAttributes(body.subarray(RTGENMSG_SIZE)).get(NETNSA_NSID)?.readInt32LE(0);
    // NETNSA_NSID_NOT_ASSIGNED is -1.
    if (nsid !== undefined && nsid >= 0) return nsid;
  }
  return undefined;
}

/** Of the namespace of that file. Throws as changeNet does. */
export async function nsidOf(path: string): Promise<number | undefined> {
  return readNsid(await changeNet(undefined, [askForNsid(path)]));
}
