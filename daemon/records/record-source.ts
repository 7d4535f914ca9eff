/** What the reports of a running node take from its record log and from what keeps the dataplane to it. */
import type { Vni } from '../../dataplane/address.ts';
import type { Dataplane } from '../../dataplane/dataplane.ts';
import type { ClaimKeeper } from './claim-keeper.ts';
import type { RecordService } from './record-service.ts';
import { countClaims, type RecordSource } from './record-views.ts';

export interface RecordSourceModules {
  readonly dataplane: Pick<Dataplane, 'run'>;
  readonly service: RecordService;
  readonly keeper: ClaimKeeper;
}

export function recordSource(
  { dataplane, service: { records }, keeper }: RecordSourceModules,
  { self, vnis }: { readonly self: string; readonly vnis: () => readonly Vni[] },
): RecordSource {
  const countWanted = (): number => {
    let wanted = 0;
    for (const vni of vnis()) for (const { origin } of records.owners(vni)) if (origin !== self) wanted += 1;
    return wanted;
  };
  return {
    owners: vni => records.owners(vni),
    explain: (vni, mac) => records.explain(vni, mac),
    release: (vni, mac) => records.release(vni, mac),
    drops: () => records.report().drops,
    figures: () => ({
      log: records.report(),
      reconciler: keeper.reconciler.report(),
      usable: keeper.usable.report(),
      usableSumMs: keeper.usable.sumMs,
    }),
    async report() {
      const installed = await dataplane.run('readClaims', {});
      return {
        ...countClaims(installed, countWanted()),
        ...keeper.reconciler.report(),
        usable_ms: keeper.usable.report(),
      };
    },
  };
}
