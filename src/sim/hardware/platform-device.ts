import type { IrqLine } from './irq-line';
import { bounded, type SimRegion, unassigned } from './region';

/** A range of addresses that a platform device answers in. */
export interface PlatformResource {
  readonly name: string;
  /** Its address on the bus. */
  readonly start: number;
  /** Its size in bytes. */
  readonly size: number;
  readonly region: SimRegion;
}

/** A device of the device tree: resources and one interrupt. */
export class PlatformDevice {
  readonly name: string;
  readonly path: string;
  /** The name of its node in the device tree, without the address. */
  readonly nodeName: string;
  readonly compatible: string;
  readonly irq: IrqLine;
  readonly resources: readonly PlatformResource[];
  #present = true;

  constructor(
    name: string,
    nodeName: string,
    compatible: string,
    irq: IrqLine,
    resources: readonly PlatformResource[],
  ) {
    this.name = name;
    this.path = `/sys/devices/platform/${name}`;
    this.nodeName = nodeName;
    this.compatible = compatible;
    this.irq = irq;
    this.resources = resources.map((resource) => ({
      ...resource,
      region: bounded(resource.size, () => (this.#present ? resource.region : unassigned)),
    }));
  }

  /** Takes its power away: nothing answers any more. */
  unplug(): void {
    this.#present = false;
    this.irq.set(false);
  }
}
