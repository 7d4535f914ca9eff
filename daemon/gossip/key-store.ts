/**
 * The keyring across restarts: paths.state/gossip-keys.json, written when a key is added, used or removed while the daemon
 * runs. As long as the configuration has the same keys as when the file was written, the file is the truth; once the
 * operator has changed them, the configuration is.
 */
import { join } from 'node:path';
import * as z from 'zod';
import { type GossipKey, keyText, parseGossipKey } from '../../control/gossip-key.ts';
import { Keyring } from '../../control/keyring.ts';
import { WeftError } from '../../dataplane/errors.ts';
import type { Config } from '../config/config.ts';
import { readStateFileSync, writeStateFileSync } from '../state-file.ts';

const fileSchema = z.object({
  version: z.literal(1),
  /** Fingerprints of the keys that the configuration had. */
  configured: z.array(z.string()),
  /** In base64, the primary one first. */
  keys: z.array(z.string()).min(1),
});

/**
 * The keyring to start with; undefined if the configuration has no key, whatever the file says. Throws `system` when the
 * file is damaged: with old keys the node would be cut off, or use what was removed.
 */
export function loadKeyring(
  stateDirectory: string,
  { key, keys }: Pick<Config['gossip'], 'key' | 'keys'>,
): Keyring | undefined {
  if (key === undefined) return undefined;
  const file = join(stateDirectory, 'gossip-keys.json');
  const configured = [key, ...keys];
  const fingerprints = configured.map(({ fingerprint }) => fingerprint);
  const save = (now: readonly GossipKey[]): void => {
    const content = { version: 1, configured: fingerprints, keys: now.map(keyText) };
    writeStateFileSync(file, `${JSON.stringify(content)}\n`);
  };
  return new Keyring(savedKeys(file, fingerprints) ?? configured, { save });
}

function savedKeys(file: string, configured: readonly string[]): readonly GossipKey[] | undefined {
  const text = readStateFileSync(file);
  if (text === undefined) return undefined;
  try {
    const saved = fileSchema.parse(JSON.parse(text));
    if (saved.configured.join() !== configured.join()) return undefined;
    return saved.keys.map(parseGossipKey);
  } catch {
    // Without its cause, which could quote a key.
    throw new WeftError('system', `${file} is damaged or of another version`, {
      hint: 'move it away to start with the keys of the configuration',
    });
  }
}
