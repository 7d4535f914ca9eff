/**
 * The verbs of the CNI specification (1.1.0, section 2), over the endpoints of this VM: an attachment is what an endpoint is, known
 * by the id of its container, its interface and the name of the configuration.
 */
import type { Clock } from '../../dataplane/clock.ts';
import { WeftError } from '../../dataplane/errors.ts';
import { parseAttachRequest } from '../api/requests.ts';
import { parseInterfaceAddress } from '../cidr.ts';
import type { ResolverSettings } from '../dns/resolvers.ts';
import { brokenRoutes } from '../endpoints/container-routes.ts';
import type { Endpoint } from '../endpoints/endpoint.ts';
import type { Endpoints } from '../endpoints/endpoints.ts';
import type { AttachableNetwork } from '../endpoints/plan.ts';
import { brokenShaping } from '../endpoints/shaping.ts';
import { errorFields, type Log } from '../log.ts';
import { findLink } from '../net/ip.ts';
import type { AttachRequest } from '../operations.ts';
import { parseBandwidth } from './bandwidth.ts';
import type { CniAnswer, CniCall } from './call.ts';
import { CNI_ERROR, CniError, cniErrorOf } from './cni-error.ts';
import { cniResult } from './cni-result.ts';
import { routesOf } from './cni-routes.ts';
import {
  type CniConfig,
  type CniResult,
  parseCniConfig,
  parseIpamResult,
  versionOf,
} from './network-config.ts';
import { CNI_VERSIONS, type CniVersion, knowsCommand } from './version.ts';

/** An ADD that takes longer is taken back, and the runtime may try again: none of them waits for ever (CRI-O 60 s, kubelet 2 min). */
const ADD_DEADLINE_MS = 20_000;

const RUNTIME = 'cni';

export interface CniModules {
  readonly clock: Clock;
  readonly log: Log;
  readonly endpoints: Pick<Endpoints, 'all' | 'remove'>;
  /** Takes `auto` for an address. */
  readonly attach: (request: AttachRequest) => Promise<Endpoint>;
  readonly networks: { find(name: string): AttachableNetwork };
  /** Of the names that are answered to it; undefined: none are. */
  readonly settingsOf: (endpoint: Endpoint) => ResolverSettings | undefined;
}

export class CniOperations {
  private readonly modules: CniModules;

  constructor(modules: CniModules) {
    this.modules = modules;
  }

  /** Never throws: what fails is the answer. */
  async call(call: CniCall): Promise<CniAnswer> {
    const version = versionOf(call.config);
    try {
      const body = await this.run(call);
      return { ok: true, body: body === undefined ? '' : `${JSON.stringify(body)}\n` };
    } catch (error) {
      return this.failure(call, version, error);
    }
  }

  private failure({ command, container }: CniCall, version: CniVersion, error: unknown): CniAnswer {
    const known = cniErrorOf(error);
    const fields = { component: 'api', container, ...errorFields(error) } as const;
    if (known === undefined) this.modules.log.error(fields, 'a CNI call met a defect');
    else this.modules.log.debug(fields, 'a CNI call was refused');
    const { code, message, details } =
      known ??
      new CniError(CNI_ERROR.io, `internal error in ${command}`, 'see the log of weft, and report it');
    return { ok: false, body: `${JSON.stringify({ cniVersion: version, code, msg: message, details })}\n` };
  }

  private async run(call: CniCall): Promise<unknown> {
    const config = () => parseCniConfig(call.config, call.args);
    switch (call.command) {
      case 'ADD':
        return await this.add(call, config());
      case 'DEL':
        return await this.del(call, config());
      case 'CHECK':
        return await this.check(call, config());
      case 'GC':
        return await this.collect(config());
      case 'STATUS':
        return this.status(config());
      case 'VERSION':
        return { cniVersion: versionOf(call.config), supportedVersions: CNI_VERSIONS };
    }
  }

  private async add(call: CniCall, config: CniConfig): Promise<unknown> {
    const ipam = call.delegated === undefined ? undefined : parseIpamResult(call.delegated);
    const network = this.modules.networks.find(config.network);
    const request = parseAttachRequest({
      netns: call.netns,
      network: network.name,
      addresses: addressesOf(config, ipam, network),
      ifname: call.ifname,
      routes: routesOf(ipam),
      ...(config.mac !== undefined && { mac: config.mac }),
      ports: config.ports,
      bandwidth: parseBandwidth(config.bandwidth) ?? {},
      container: { runtime: RUNTIME, id: call.container, network: config.name },
      names: config.names,
      resolver: config.resolver,
    });
    const endpoint = await this.inTime(this.modules.attach(request));
    return cniResult({
      version: config.version,
      endpoint,
      netns: call.netns,
      before: config.prevResult,
      ipam,
      dns: this.modules.settingsOf(endpoint),
    });
  }

  /** What comes after the deadline is taken back: nobody will ask for it. */
  private async inTime(attaching: Promise<Endpoint>): Promise<Endpoint> {
    const { clock, endpoints, log } = this.modules;
    let isLate = false;
    const late = new Promise<never>((_, reject) => {
      const patience = clock.after(ADD_DEADLINE_MS, () => {
        isLate = true;
        reject(
          new CniError(
            CNI_ERROR.tryAgain,
            `weft did not attach within ${ADD_DEADLINE_MS / 1000} s`,
            'see its log',
          ),
        );
      });
      const done = () => patience.cancel();
      attaching.then(done, done);
    });
    attaching
      .then(async endpoint => {
        if (isLate) await endpoints.remove(endpoint);
      })
      .catch(error => {
        if (isLate) log.warn(errorFields(error), 'an attachment that came too late cannot be taken back');
      });
    return await Promise.race([attaching, late]);
  }

  /** Succeeds whatever is left of it, and the second time too. */
  private async del(call: CniCall, config: CniConfig): Promise<undefined> {
    const { endpoints } = this.modules;
    for (const endpoint of this.attachmentsOf(config)) {
      const { container, ifname } = endpoint;
      if (container?.id === call.container && ifname === call.ifname) await endpoints.remove(endpoint);
    }
  }

  private async check(call: CniCall, config: CniConfig): Promise<undefined> {
    requireCommand(config.version, 'CHECK');
    if (config.prevResult === undefined)
      throw new CniError(CNI_ERROR.invalidConfig, 'CHECK needs a prevResult');
    const endpoint = this.attachmentsOf(config).find(
      ({ container, ifname }) => container?.id === call.container && ifname === call.ifname,
    );
    if (endpoint === undefined) {
      throw new CniError(
        CNI_ERROR.unknownContainer,
        `${call.ifname} of ${call.container} is not attached to ${config.network}`,
      );
    }
    const given = config.prevResult.ips.map(({ address }) => address);
    const missing = endpoint.addresses.filter(address => !given.includes(address));
    if (missing.length > 0)
      throw notAsItWas(endpoint, `has ${missing.join(', ')}, which prevResult does not`);
    await requireLink(endpoint, call.netns);
    const broken = [
      ...(await brokenRoutes(endpoint, call.netns)),
      ...(await brokenShaping(endpoint, call.netns)),
    ];
    if (broken.length > 0) throw notAsItWas(endpoint, broken.join('; '));
  }

  private async collect(config: CniConfig): Promise<undefined> {
    requireCommand(config.version, 'GC');
    const { endpoints, log } = this.modules;
    const valid = new Set(
      config.validAttachments.map(({ containerID, ifname }) => `${containerID} ${ifname}`),
    );
    for (const endpoint of this.attachmentsOf(config)) {
      if (valid.has(`${endpoint.container?.id} ${endpoint.ifname}`)) continue;
      await endpoints.remove(endpoint);
      const { network, ifname, container } = endpoint;
      log.warn(
        { network, ifname, container: container?.id },
        'removed an attachment that its runtime does not know',
      );
    }
  }

  private status(config: CniConfig): undefined {
    requireCommand(config.version, 'STATUS');
    try {
      this.modules.networks.find(config.network);
    } catch (error) {
      if (!(error instanceof WeftError)) throw error;
      throw new CniError(CNI_ERROR.notAvailable, error.message, error.hint ?? '');
    }
  }

  private attachmentsOf({ name }: CniConfig): readonly Endpoint[] {
    return this.modules.endpoints
      .all()
      .filter(({ container }) => container?.runtime === RUNTIME && container.network === name);
  }
}

function requireCommand(version: CniVersion, command: 'CHECK' | 'GC' | 'STATUS'): void {
  if (knowsCommand(version, command)) return;
  throw new CniError(CNI_ERROR.incompatibleVersion, `${command} is not in version ${version} of CNI`);
}

/** Those of the IPAM plugin, else those that were asked for, else weft's own. Throws CniError. */
function addressesOf(config: CniConfig, ipam: CniResult | undefined, network: AttachableNetwork): string[] {
  if (ipam !== undefined) return ipam.ips.map(({ address }) => address);
  if (config.ips.length === 0) return ['auto'];
  return config.ips.map(ip => (ip.includes('/') ? ip : withPrefix(ip, network)));
}

/** podman gives addresses without the length of their prefix: it is that of the subnet. */
function withPrefix(ip: string, { name, subnet, subnet6 }: AttachableNetwork): string {
  const isV6 = ip.includes(':');
  const prefix = [subnet, subnet6].find(one => one?.includes(':') === isV6)?.split('/')[1];
  if (prefix === undefined) {
    throw new CniError(
      CNI_ERROR.invalidConfig,
      `${ip} has no prefix length, and network ${name} no subnet of IPv${isV6 ? 6 : 4}`,
      'give it as in 198.18.0.2/24',
    );
  }
  return parseInterfaceAddress(`${ip}/${prefix}`);
}

async function requireLink(endpoint: Endpoint, netns: string): Promise<void> {
  const link = await findLink(endpoint.ifname, netns);
  if (link === undefined) throw notAsItWas(endpoint, 'is not there');
  if (link.address !== endpoint.mac)
    throw notAsItWas(endpoint, `has MAC ${link.address}, not ${endpoint.mac}`);
  if (!link.flags.includes('UP')) throw notAsItWas(endpoint, 'is down');
  const present = link.addr_info.map(({ local, prefixlen }) => `${local}/${prefixlen}`);
  const missing = endpoint.addresses.filter(address => !present.includes(address));
  if (missing.length > 0) throw notAsItWas(endpoint, `lacks ${missing.join(', ')}`);
}

function notAsItWas({ ifname, container }: Endpoint, what: string): CniError {
  return new CniError(CNI_ERROR.notAsItWas, `${ifname} of ${container?.id} ${what}`);
}
