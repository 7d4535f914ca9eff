/** One underlay device as the tunnel-GSO sender sees it: whether it is for it, and the injector that leads to it. */

import { WeftError } from '../../dataplane/errors.ts';
import { activeFeatures } from '../../dataplane/host-network.ts';
import { closeInjector } from '../../dataplane/injector-device.ts';
import type { Link } from '../net/ip.ts';
import type { KernelTables } from '../net/kernel-tables.ts';
import { whyCut, whyNever, whyNotOfKind } from './eligibility.ts';
import { type Injector, isInjectorSound, openInjectorFor } from './injectors.ts';

export class UnderlayDevice {
  /** Undefined until it is needed, and again when it is closed. */
  injector: Injector | undefined;
  /** Why it is not injected into, in words; undefined if it is or can be. */
  reason: string | undefined;
  /** Why it never will be. */
  private failure: string | undefined;
  private link: Link;

  constructor(link: Link) {
    this.link = link;
  }

  /** Judges anew. `forced`: it need not pay. Where it cannot be found out whether it does, that is the reason. */
  judge(link: Link, { forced }: { readonly forced: boolean }): void {
    this.link = link;
    this.reason =
      this.failure ?? whyNever(link) ?? (forced ? undefined : (whyNotOfKind(link) ?? whyNotNow(link)));
  }

  /** The injector, opened now if it is not yet; undefined if it cannot be, or must not be used. */
  async open(): Promise<Injector | undefined> {
    if (this.reason !== undefined) return undefined;
    if (this.injector !== undefined) return this.injector;
    try {
      this.injector = await openInjectorFor(this.link);
    } catch (error) {
      if (!(error instanceof WeftError)) throw error;
      this.fail(error.message);
    }
    return this.injector;
  }

  /** Whether the injector, if there is one, leads to the device. */
  async isSound(known: { readonly tables: KernelTables; readonly links: readonly Link[] }): Promise<boolean> {
    return this.injector === undefined || (await isInjectorSound(this.injector, this.link, known));
  }

  /** It is not used again. Of several reasons the first stays: the others follow from it. */
  fail(reason: string): void {
    this.failure ??= reason;
    this.reason = this.failure;
  }

  get hasFailed(): boolean {
    return this.failure !== undefined;
  }

  /** Closes what no next hop names any more. */
  close(): void {
    if (this.injector !== undefined) closeInjector(this.injector);
    this.injector = undefined;
  }
}

/** What of the features of the device speaks against it, or why they are not known. */
function whyNotNow(link: Link): string | undefined {
  try {
    return whyCut(link, activeFeatures(link.ifname));
  } catch (error) {
    if (!(error instanceof WeftError)) throw error;
    return error.line;
  }
}
