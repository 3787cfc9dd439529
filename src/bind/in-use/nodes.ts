import { attempt } from '../../sys/attempt';
import type { AttributeReader } from '../../sys/readers/attributes';
import { findHolders, type Holder, vfioDeviceNode } from '../../sys/readers/holders';
import type { SysTree } from '../../sys/sys';
import { isServedByVfio, isVfioDriver } from '../../vfio/inspect/drivers';
import { groupNode } from '../../vfio/inspect/iommu-group';
import { devicePath } from '../bus';
import type { ClassDevice } from './class-devices';
import type { Use } from './use';

/** Desktops hold these open all the time, and they are made for being pulled. */
const UNIMPORTANT = new Set(['input', 'hidraw', 'usbmisc']);

/** Processes that have a node of the functions open: all are looked for at once. */
export class NodeUses {
  complete = true;
  readonly #sys: SysTree;
  readonly #wanted: { node: string; address: string; name: string; busy: boolean }[] = [];
  /** Functions of VFIO drivers that are open now. */
  readonly #open: string[] = [];

  constructor(sys: SysTree) {
    this.#sys = sys;
  }

  want(reader: AttributeReader, address: string, devices: readonly ClassDevice[]): void {
    for (const { kind, node } of devices) {
      if (node === null || UNIMPORTANT.has(kind)) continue;
      this.#wanted.push({ node, address, name: node, busy: kind === 'uio' || kind === 'vfio-dev' });
    }
    const dir = devicePath(this.#sys, address);
    const driver = reader.linkName(`${dir}/driver`);
    if (!isServedByVfio(reader, dir, driver)) return;
    // Its group is one device for a program: whoever has that open may be about to open this.
    const group = reader.linkName(`${dir}/iommu_group`);
    for (const node of group === null ? [] : [groupNode(Number(group), false), groupNode(Number(group), true)])
      this.#wanted.push({ node, address, name: node, busy: true });
    // vfio_pci_core_enable() counts it as enabled while it is open, and nobody else does while a VFIO driver has it. A
    // vendor's own driver may enable it for good.
    if (!isVfioDriver(driver) || (reader.number(`${dir}/enable`) ?? 0) === 0) return;
    this.#open.push(address);
    this.#wanted.push({ node: vfioDeviceNode(address), address, name: 'it', busy: true });
  }

  find(): Use[] {
    if (this.#wanted.length === 0) return [];
    const nodes = [...new Set(this.#wanted.map(({ node }) => node))];
    const { holders, complete } = findHolders(this.#sys, nodes);
    this.complete = complete;
    // A descriptor that this process inherited is its parent's; a device that it drives itself would wait for itself.
    const self = attempt(() => this.#sys.readLink('/proc/self'), null);
    const uses = this.#wanted.flatMap(({ node, address, name, busy }) =>
      holders
        .filter((holder) => holder.node === node && (busy || `${holder.pid}` !== self))
        .map((holder) => heldBy(address, name, holder, busy)),
    );
    for (const address of this.#open)
      if (!uses.some((use) => use.address === address && use.busy))
        uses.push({
          address,
          kind: 'process',
          what: 'it is open in a process that is not visible here',
          hint: undefined,
          busy: true,
        });
    return uses.filter(isFirstOfProcess);
  }
}

function heldBy(address: string, name: string, { pid, command, by }: Holder, busy: boolean): Use {
  return {
    address,
    kind: 'process',
    what: `${name} is ${by === 'mapping' ? 'mapped' : 'open'} in ${command} (pid ${pid})`,
    hint: `end that process first: kill ${pid}`,
    busy,
  };
}

/** A process is named once for a function, whichever ways it has it. */
function isFirstOfProcess(use: Use, index: number, all: readonly Use[]): boolean {
  return all.findIndex((other) => other.address === use.address && other.hint === use.hint) === index;
}
