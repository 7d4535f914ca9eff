/** All that can be compared, in the order of the report. */
import { Fastd } from './fastd.ts';
import { KernelVxlanSubject } from './kernel-vxlan.ts';
import { N2n } from './n2n.ts';
import { Nebula } from './nebula.ts';
import { NoOverlay } from './no-overlay.ts';
import { OpenVswitchSubject } from './open-vswitch.ts';
import type { Subject } from './subject.ts';
import { Tinc } from './tinc.ts';
import { type Variant, Weft } from './weft.ts';
import { WireguardGo } from './wireguard-go.ts';

/** Compared on every underlay. */
export function baseSubjects(variants: readonly Variant[]): readonly Subject[] {
  return [
    new NoOverlay(),
    new KernelVxlanSubject(),
    new Weft('bridge'),
    new Weft('tap'),
    ...variants.flatMap(variant => [new Weft('bridge', variant), new Weft('tap', variant)]),
  ];
}

/** Other overlays in userspace; Debian packages that `prepare.sh peers` installs. */
export const PEERS: readonly Subject[] = [
  new OpenVswitchSubject(),
  new Tinc(),
  new Fastd(),
  new N2n(),
  new Nebula(),
  new WireguardGo(),
];
