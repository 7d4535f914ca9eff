/**
 * What our own probes have shown of a member (probe.ts): whether messages pass both ways, by which way, and in what time.
 * A datagram that merely comes from it shows one direction, and anybody can forge its source; an ack repeats the sequence number
 * of a ping of ours. All functions here are pure.
 */

/**
 * How the last probe ended. `good`: the member acked it directly. `indirect`: only other members, or TCP, reached it.
 * `failing`: no answer came.
 */
export type ProbeHealth = 'good' | 'indirect' | 'failing';

export interface Contact {
  /**
   * From ping to ack, smoothed, in milliseconds; of direct acks alone. How late either process runs is in it. null: none
   * has come.
   */
  readonly rtt: number | null;
  /** `clock.now()` of its last ack to a probe, by any way; null: none has come. */
  readonly lastTwoWay: number | null;
  /** null: it was not probed yet. */
  readonly health: ProbeHealth | null;
}

export const NO_CONTACT: Contact = { rtt: null, lastTwoWay: null, health: null };

/** RFC 6298 section 2: "alpha=1/8". */
const GAIN = 1 / 8;

/** The member has acked a probe itself, `rtt` milliseconds after the ping. */
export function ackedDirectly(before: Contact, now: number, rtt: number): Contact {
  // RFC 6298 section 2.2: "SRTT <- R" with the first measurement; 2.3: "SRTT <- (1 - alpha) * SRTT + alpha * R'".
  const smoothed = before.rtt === null ? rtt : before.rtt + GAIN * (rtt - before.rtt);
  return { rtt: smoothed, lastTwoWay: now, health: 'good' };
}

/** A helper has passed on its ack, or it came on a stream. How long that took says nothing of the way in between. */
export function ackedIndirectly(before: Contact, now: number): Contact {
  return { ...before, lastTwoWay: now, health: 'indirect' };
}

/** The time of a probe is over, and nothing has come by any way. */
export function unanswered(before: Contact): Contact {
  return { ...before, health: 'failing' };
}
