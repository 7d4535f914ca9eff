/** What people and their tools do to running daemons: look at them, change configurations, change keys. */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Vm } from '../../daemon/lab/vm.ts';
import { waitFor } from '../../daemon/lab/wait-for.ts';

const GREEN = { name: 'green', vni: 43, subnet: '198.19.0.0/24' };

export function newKey(): string {
  return randomBytes(32).toString('base64');
}

export class Operator {
  private readonly vms: readonly Vm[];
  private key: string;
  private turn = 0;

  constructor(vms: readonly Vm[], key: string) {
    this.vms = vms;
    this.key = key;
  }

  /** As a scraper and a person who looks. */
  async look(): Promise<void> {
    for (const vm of this.vms) {
      await vm.api.metrics(this.turn++ % 2 === 0 ? 'text' : 'openmetrics');
      await vm.api.status();
      await vm.api.endpoints();
      await vm.api.fdb();
    }
  }

  /** Applies a configuration with one more network, then loads the file, which does not have it. */
  async reconfigure(): Promise<void> {
    const vm = this.vms[this.turn++ % this.vms.length] as Vm;
    const file = vm.configPath;
    const config = JSON.parse(readFileSync(file, 'utf8')) as { networks: object[] };
    config.networks.push(GREEN);
    await vm.api.applyConfig({ text: JSON.stringify(config), file });
    await this.untilGreenIs(vm, true);
    vm.hangUp();
    await this.untilGreenIs(vm, false);
  }

  /** A new key of gossip for the whole pool, and the former one gone. */
  async changeKey(): Promise<void> {
    const [vm] = this.vms;
    if (vm === undefined) return;
    const former = this.key;
    const next = newKey();
    await this.keyStep(vm, 'add', next);
    await this.keyStep(vm, 'use', next);
    this.key = next;
    await this.keyStep(vm, 'remove', former);
  }

  private async keyStep(vm: Vm, operation: 'add' | 'use' | 'remove', key: string): Promise<void> {
    const { nodes } = await vm.api.gossipKeys({ operation, key });
    const refused = nodes.find(({ ok }) => !ok);
    if (refused !== undefined) throw new Error(`${operation} on ${refused.name}: ${refused.message}`);
  }

  private async untilGreenIs(vm: Vm, there: boolean): Promise<void> {
    await waitFor(async () => (await vm.api.networks()).some(({ name }) => name === GREEN.name) === there, {
      what: `${vm.name} ${there ? 'to have' : 'to be without'} the network ${GREEN.name}`,
    });
  }
}
