/** Small and large datagrams: how many of one flow arrive when the sender does what it can. */
import { flood } from '../../daemon/lab/traffic.ts';
import type { Measure } from './measure.ts';

export const UDP_MEASURES: readonly Measure[] = [64, 512, 1400].map(bytes => ({
  id: `udp-${bytes}`,
  metrics: [
    { id: `udp-${bytes}`, title: `UDP, ${bytes} bytes, delivered`, unit: 'thousand/s', better: 'more' },
    {
      id: `udp-${bytes}-reordered`,
      title: `UDP, ${bytes} bytes, read after a later one`,
      unit: 'datagrams',
      better: 'less',
    },
  ],
  run: async ({ client, server, address }, seconds) => {
    const { delivered, reordered } = await flood(client, server, address, { bytes, seconds });
    return { [`udp-${bytes}`]: delivered / 1e3, [`udp-${bytes}-reordered`]: reordered };
  },
}));
