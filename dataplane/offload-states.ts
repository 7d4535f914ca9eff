/** How each offload of a node stands: what the configuration allows, less what the probes found missing, less what was lost. */
import {
  OFFLOADS,
  type Offload,
  type OffloadKey,
  type OffloadState,
  type OffloadSwitch,
  offloadKey,
} from './offloads.ts';

export class OffloadStates {
  private readonly states = new Map<Offload, OffloadState>();

  constructor(switches: Readonly<Record<Offload, OffloadSwitch>>) {
    for (const offload of OFFLOADS) this.states.set(offload, switches[offload] === 'off' ? 'off' : 'on');
  }

  /** What may be asked of the kernel. Also what was lost on one port: another port finds out for itself. */
  get allowed(): readonly Offload[] {
    return OFFLOADS.filter(offload => this.isAllowed(offload));
  }

  isAllowed(offload: Offload): boolean {
    const state = this.states.get(offload);
    return state === 'on' || state === 'lost';
  }

  /** A probe has found it missing. What is switched off stays `off`. */
  missing(offload: Offload): void {
    if (this.states.get(offload) === 'on') this.states.set(offload, 'unavailable');
  }

  /** It was given up while running. True the first time: each port tells of its own. */
  lost(offload: Offload): boolean {
    const isNews = this.states.get(offload) !== 'lost';
    this.states.set(offload, 'lost');
    return isNews;
  }

  report(): Readonly<Record<OffloadKey, OffloadState>> {
    return Object.fromEntries(
      [...this.states].map(([offload, state]) => [offloadKey(offload), state]),
    ) as Record<OffloadKey, OffloadState>;
  }
}
