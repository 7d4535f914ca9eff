/** What the log says of members that come and go. */
import type { MemberEvent, MemberEventType } from '../../control/events.ts';
import type { Log } from '../log.ts';

const MEMBER_NEWS: Readonly<Record<MemberEventType, string>> = {
  memberUp: 'peer is alive',
  memberUpdated: 'peer has changed what it says of itself',
  memberSuspect: 'peer does not answer',
  memberDown: 'peer is dead',
  memberLeft: 'peer has left',
  memberReaped: 'peer is forgotten',
};

export function logMember(log: Log, { type, member }: MemberEvent): void {
  const fields = { peer: member.name, address: member.address, state: member.state };
  if (type === 'memberDown' || type === 'memberSuspect') log.warn(fields, MEMBER_NEWS[type]);
  else log.info(fields, MEMBER_NEWS[type]);
}
