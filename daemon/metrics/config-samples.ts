/** How the configuration was loaded last, as metrics. */
import type { ConfigLoadReport } from '../reload/config-loads.ts';
import { type Sample, sample } from './samples.ts';

export function configSamples({ isSuccessful, takenAt }: ConfigLoadReport): Sample[] {
  return [
    sample('weft_config_last_reload_successful', isSuccessful ? 1 : 0, {}),
    sample('weft_config_last_reload_success_timestamp_seconds', takenAt / 1000, {}),
  ];
}
