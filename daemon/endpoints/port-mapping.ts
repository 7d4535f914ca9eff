/** A port of the VM that leads to one of a container. */
export interface PortMapping {
  readonly protocol: 'tcp' | 'udp';
  readonly hostPort: number;
  readonly containerPort: number;
  /** The address of the VM that it is for. @default all */
  readonly hostAddress?: string;
}
