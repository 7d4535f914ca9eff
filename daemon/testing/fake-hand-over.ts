/** A daemon that offers one descriptor to whoever takes over. */
import type { HandOver, HandOverOffer } from '../handover/hand-over.ts';

export const FAKE_OFFER: HandOverOffer = { pid: 4711, descriptors: { 'vxlan-0': [20], 'hand-over': [21] } };

export const fakeHandOver: Pick<HandOver, 'offer'> = { offer: () => FAKE_OFFER };
