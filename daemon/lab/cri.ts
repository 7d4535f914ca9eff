/** The side of a kubelet towards its container runtime: pods, by gRPC over the runtime's socket (Container Runtime Interface, v1). */
import { join } from 'node:path';
import { type Client, credentials, loadPackageDefinition, type ServiceError } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { systemClock } from '../../dataplane/clock.ts';
import { packageRoot } from '../package-info.ts';

const PROTO = join(packageRoot, 'daemon/lab/cri.proto');

/** No call of a lab takes as long; the kubelet waits 2 minutes, for a sandbox 4. */
const DEADLINE_MS = 60_000;

export interface Pod {
  readonly sandbox: string;
  /** Its one container, which sleeps. */
  readonly container: string;
  /** Addresses as the runtime tells them, without prefix lengths. */
  readonly addresses: readonly string[];
}

export interface ExecResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

type Method = (
  request: object,
  options: { deadline: number },
  callback: (error: ServiceError | null, answer: unknown) => void,
) => void;

type RuntimeClient = Client & Readonly<Record<string, Method>>;

export interface CriOptions {
  readonly socketPath: string;
  /** What the containers of pods run. */
  readonly image: string;
}

export class Cri {
  private readonly options: CriOptions;
  private readonly client: RuntimeClient;
  /** Sandboxes that were not removed yet. */
  private readonly sandboxes = new Set<string>();

  constructor(options: CriOptions) {
    this.options = options;
    const definition = loadSync(PROTO, { keepCase: true, longs: Number, defaults: true });
    const { runtime } = loadPackageDefinition(definition) as unknown as {
      runtime: { v1: { RuntimeService: new (address: string, how: object) => RuntimeClient } };
    };
    this.client = new runtime.v1.RuntimeService(`unix://${options.socketPath}`, credentials.createInsecure());
  }

  /** Why the runtime cannot give pods a network; undefined: it can. */
  async networkTrouble(): Promise<string | undefined> {
    const { status } = await this.call<{
      status: { conditions: { type: string; status: boolean; message: string }[] };
    }>('Status', {});
    const condition = status.conditions.find(({ type }) => type === 'NetworkReady');
    return condition?.status === true ? undefined : (condition?.message ?? 'not told');
  }

  /** Makes a pod with one container. `annotations` as in Kubernetes. */
  async runPod(
    name: string,
    { annotations = {} }: { annotations?: Readonly<Record<string, string>> } = {},
  ): Promise<Pod> {
    const metadata = { name, uid: `uid-${name}`, namespace: 'lab', attempt: 0 };
    const config = { metadata, hostname: name, annotations };
    const { pod_sandbox_id: sandbox } = await this.call<{ pod_sandbox_id: string }>('RunPodSandbox', {
      config,
    });
    this.sandboxes.add(sandbox);
    const { container_id: container } = await this.call<{ container_id: string }>('CreateContainer', {
      pod_sandbox_id: sandbox,
      config: {
        metadata: { name: 'main', attempt: 0 },
        image: { image: this.options.image },
        command: ['/bin/sleep', '600'],
      },
      sandbox_config: config,
    });
    await this.call('StartContainer', { container_id: container });
    const { status } = await this.call<{
      status: { network: { ip: string; additional_ips: { ip: string }[] } };
    }>('PodSandboxStatus', { pod_sandbox_id: sandbox });
    const { ip, additional_ips: further } = status.network;
    return { sandbox, container, addresses: [ip, ...further.map(address => address.ip)] };
  }

  async exec({ container }: Pod, command: readonly string[]): Promise<ExecResult> {
    const answer = await this.call<{ exit_code: number; stdout: Buffer; stderr: Buffer }>('ExecSync', {
      container_id: container,
      cmd: command,
      timeout: 30,
    });
    const { exit_code: code, stdout, stderr } = answer;
    return { code, stdout: stdout.toString(), stderr: stderr.toString() };
  }

  /** Takes its network and ends what runs in it, as the kubelet does first. */
  async stopPod(sandbox: string): Promise<void> {
    await this.call('StopPodSandbox', { pod_sandbox_id: sandbox });
  }

  async removePod(sandbox: string): Promise<void> {
    await this.call('RemovePodSandbox', { pod_sandbox_id: sandbox });
    this.sandboxes.delete(sandbox);
  }

  /** Removes all pods that were made, as far as the runtime does it. */
  async destroy(): Promise<void> {
    for (const sandbox of this.sandboxes) {
      await this.stopPod(sandbox).catch(() => {});
      await this.removePod(sandbox).catch(() => {});
    }
    this.client.close();
  }

  private call<T>(method: string, request: object): Promise<T> {
    return new Promise((resolve, reject) => {
      const deadline = systemClock.wallTime() + DEADLINE_MS;
      this.client[method]?.(request, { deadline }, (error, answer) => {
        if (error === null) resolve(answer as T);
        else reject(new Error(`${method}: ${error.details}`, { cause: error }));
      });
    });
  }
}
