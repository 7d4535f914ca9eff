/** The wires that the subjects are compared on. */

import type { LabOptions } from '../daemon/lab/lab.ts';
import { KERNEL_VXLAN, NO_OVERLAY } from './subjects/subject.ts';

export interface Underlay {
  /** As on the command line. */
  readonly id: string;
  /** What it stands for, for the report. */
  readonly meaning: string;
  readonly lab: Omit<LabOptions, 'name'>;
  /** The subject that the others are held against in the report. */
  readonly reference: string;
}

export const UNDERLAYS: readonly Underlay[] = [
  {
    id: 'wire-like',
    meaning:
      'every packet is cut and checksummed before it leaves, as on a cable (veth with tx, gso and tso off, gro on)',
    lab: { wire: 'wire-like' },
    reference: KERNEL_VXLAN,
  },
  {
    id: 'veth',
    meaning: 'two machines of one box: the kernel hands over whole super-frames with partial checksums',
    lab: { wire: 'veth' },
    reference: KERNEL_VXLAN,
  },
  {
    id: '1gbit',
    meaning: 'wire-like, and each network card sends 1 Gbit/s (tbf with a queue of 1000 full frames)',
    lab: { wire: 'wire-like', rateMbit: 1000 },
    reference: NO_OVERLAY,
  },
  {
    id: '2.5gbit',
    meaning: 'wire-like, and each network card sends 2.5 Gbit/s',
    lab: { wire: 'wire-like', rateMbit: 2500 },
    reference: NO_OVERLAY,
  },
  {
    id: 'mtu9000',
    meaning: 'wire-like with an MTU of 9000 bytes',
    lab: { wire: 'wire-like', mtu: 9000 },
    reference: KERNEL_VXLAN,
  },
];
