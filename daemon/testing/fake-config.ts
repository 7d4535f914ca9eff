/** The configuration of a daemon that has none. */
import type { ConfigOperations } from '../reload/config-operations.ts';

export const fakeConfig: ConfigOperations = {
  applyConfig: async ({ confirmMs }) => ({
    changes: ['log.level: info -> debug'],
    path: '/etc/weft/weft.yaml',
    confirm_s: confirmMs === undefined ? null : confirmMs / 1000,
  }),
  confirmConfig: async () => ({ changes: [], path: '/etc/weft/weft.yaml', text: '' }),
  showConfig: async () => ({ path: '/etc/weft/weft.yaml', pending: null, refused: null, config: {} }),
};
