import { SysError } from '../errors';
import { pciPath } from '../pci/paths';
import { attempt } from '../sys/attempt';
import { AttributeReader } from '../sys/readers/attributes';
import { findHolders, type Holder, vfioDeviceNode } from '../sys/readers/holders';
import { type Mount, readMounts, readSwaps } from '../sys/readers/mounts';
import type { Sys, SysTree } from '../sys/sys';
import { shellWord } from '../text/shell';
import { isServedByVfio, isVfioDriver } from '../vfio/inspect/drivers';
import { groupNode } from '../vfio/inspect/iommu-group';
import { devicePath } from './bus';

/** Something that would suffer if a function lost its driver. */
export interface Use {
  /** The device: a PCI function, or its name on another bus. */
  address: string;
  kind: 'storage' | 'network' | 'virtual functions' | 'process' | 'bridge';
  /** `nvme0n1p2 is mounted on /home` */
  what: string;
  /** The command that ends it. */
  hint: string | undefined;
  /** A program drives the device from user space: taking it away would wait for the program, maybe for ever. */
  busy: boolean;
  /** The system runs from it: nothing ends that, and `--force` is no advice. */
  vital?: boolean;
}

export interface Uses {
  uses: Use[];
  /** Paths that could not be looked at, so that there may be more uses. */
  doubts: string[];
}

/** A device below a function that a driver made: `nvme0n1`, `eth0`, `uio0`. */
export interface ClassDevice {
  /** `block`, `net`, `uio`; `usb` for the devices behind a controller. */
  kind: string;
  name: string;
  dir: string;
  /** Below /dev; null without one. */
  node: string | null;
}

/** Takes a use of a function. */
type Report = (what: string, hint?: string, vital?: boolean) => void;

/**
 * Tells whether a block device is claimed exclusively by a mount, swap space or a device built upon it. Only opening it
 * tells that: {@link claimProbe}.
 */
export type IsClaimed = (node: string) => boolean;

/** The way in which the system uses a block device: by a file system, as swap space, or as a part of another device. */
export type StorageState = 'mounted' | 'swap' | 'member';

/** A use of a block device. */
interface StorageUse {
  state: StorageState;
  what: string;
  hint: string | undefined;
  vital: boolean;
}

/** Desktops hold these open all the time, and they are made for being pulled. */
const UNIMPORTANT = new Set(['input', 'hidraw', 'usbmisc']);

/** Device mapper on md on partitions on multipath: real stacks are no deeper. */
const MAX_STACK = 16;

/**
 * Finds the uses of PCI functions and of all that is behind them: mounted and swapped file systems, also through dm,
 * md, LVM and bcache; members of those; network interfaces that are up; nodes that a process has open; disks that the
 * kernel keeps for itself without saying what for, as it does for ZFS.
 *
 * @param isClaimed without it no node is opened, and the last are not found
 */
export function findUses(sys: SysTree, addresses: readonly string[], isClaimed: IsClaimed = () => false): Uses {
  const reader = new AttributeReader(sys);
  const devices = classDevices(reader);
  const nodes = new NodeUses(sys);
  const uses: Use[] = [];
  let storage: StorageUses | undefined;
  for (const address of addresses) {
    const mine = devices.filter(({ path }) => path.includes(address)).map(({ device }) => device);
    mine.push(...multipathDisks(reader, mine));
    const refuse =
      (kind: Use['kind']): Report =>
      (what, hint, vital = false) =>
        uses.push({ address, kind, what, hint, busy: false, ...(vital && { vital }) });
    for (const device of mine) {
      if (device.kind === 'block') {
        storage ??= new StorageUses(isClaimed, reader);
        storage.find(device, refuse('storage'));
      }
      if (device.kind === 'net') findNetUse(reader, device, refuse('network'));
    }
    findVirtualFunctions(reader, address, refuse('virtual functions'));
    nodes.want(reader, address, mine);
  }
  uses.push(...nodes.find());
  const doubts = reader.errors.map(({ path, code }) => `${path}: ${code}`);
  if (!nodes.complete) doubts.push("other users' processes");
  return { uses, doubts };
}

/** Returns all devices that have a class, and USB devices, by the components of their path. @param kinds only these classes */
export function classDevices(
  reader: AttributeReader,
  kinds?: readonly string[],
): { path: string[]; device: ClassDevice }[] {
  const directories = (kinds ?? reader.names('/sys/class')).map((kind) => ({ kind, dir: `/sys/class/${kind}` }));
  if (kinds === undefined) directories.push({ kind: 'usb', dir: '/sys/bus/usb/devices' });
  return directories.flatMap(({ kind, dir }) =>
    reader.names(dir).flatMap((name) => {
      const target = attempt(() => reader.sys.readLink(`${dir}/${name}`), null);
      return target === null ? [] : [{ path: target.split('/'), device: classDevice(reader, kind, `${dir}/${name}`) }];
    }),
  );
}

function classDevice(reader: AttributeReader, kind: string, dir: string): ClassDevice {
  const name = dir.slice(dir.lastIndexOf('/') + 1);
  // Read when it is wanted: there are a thousand devices, and a handful is asked about.
  return {
    kind,
    name,
    dir,
    get node() {
      const node = /^DEVNAME=(.+)$/m.exec(reader.text(`${dir}/uevent`) ?? '')?.[1];
      return node === undefined ? null : `/dev/${node}`;
    },
  };
}

/**
 * With native multipath the disk of an NVMe controller is not below it but below its subsystem, a virtual device
 * (drivers/nvme/host/multipath.c).
 */
export function multipathDisks(reader: AttributeReader, devices: readonly ClassDevice[]): ClassDevice[] {
  const controllers = new Set(devices.filter(({ kind }) => kind === 'nvme').map(({ name }) => name));
  if (controllers.size === 0) return [];
  const subsystems = reader.names('/sys/class/nvme-subsystem').map((name) => `/sys/class/nvme-subsystem/${name}`);
  return subsystems.flatMap((subsystem) => {
    const names = reader.names(subsystem);
    if (!names.some((name) => controllers.has(name))) return [];
    const disks = names.filter((name) => /^nvme\d+n\d+$/.test(name));
    return disks.flatMap((disk) =>
      [disk, ...reader.names(`${subsystem}/${disk}`).filter((name) => name.startsWith(`${disk}p`))].map((name) =>
        classDevice(reader, 'block', `/sys/class/block/${name}`),
      ),
    );
  });
}

/** File systems and swap space on block devices. The tables are read once. */
export class StorageUses {
  readonly #isClaimed: IsClaimed;
  readonly #reader: AttributeReader;
  readonly #mounts: readonly Mount[] | null;
  readonly #swaps: readonly string[];
  /** By the name of a member: file systems that are mounted and have several. */
  readonly #btrfs: ReadonlySet<string>;

  constructor(isClaimed: IsClaimed, reader: AttributeReader) {
    this.#isClaimed = isClaimed;
    this.#reader = reader;
    this.#mounts = readMounts(reader);
    this.#swaps = readSwaps(reader);
    const btrfs = reader.names('/sys/fs/btrfs').map((name) => `/sys/fs/btrfs/${name}/devices`);
    this.#btrfs = new Set(btrfs.flatMap((dir) => reader.names(dir)));
  }

  find({ name, dir, node }: ClassDevice, report: Report): void {
    if (this.#mounts === null) report(`cannot tell whether ${name} is mounted`);
    const direct = this.#usesOf(name, dir);
    for (const { what, hint, vital } of direct) report(`${name} ${what}`, hint, vital);
    const holders = this.#reader.names(`${dir}/holders`);
    if (direct.length + holders.length === 0 && node !== null && this.#isClaimed(node))
      report(`${name} is in use by the kernel (ZFS, or a mount that is not visible here)`);
    for (const holder of holders) {
      const above = this.#above(holder, new Set([name]));
      const first = above.find(({ vital }) => vital) ?? above[0];
      const purpose = first === undefined ? '' : `, which ${first.what}`;
      report(`${name} belongs to ${this.#title(holder)}${purpose}`, first?.hint, first?.vital);
    }
  }

  /** Returns the use of a device or partition that counts most; null for none. */
  stateOf({ name, dir }: ClassDevice): StorageState | null {
    const holders = this.#reader.names(`${dir}/holders`);
    const uses = [...this.#usesOf(name, dir), ...holders.flatMap((holder) => this.#above(holder, new Set([name])))];
    const found = new Set(uses.map(({ state }) => state));
    return found.has('mounted') ? 'mounted' : found.has('swap') ? 'swap' : holders.length > 0 ? 'member' : null;
  }

  /** Finds the uses of a device that is made of others, and of those that are made of it. */
  #above(name: string, below: Set<string>): StorageUse[] {
    // A stack has no loops; what a file of a stranger says may have.
    if (below.has(name) || below.size > MAX_STACK) return [];
    below.add(name);
    const dir = `/sys/class/block/${name}`;
    const partitions = this.#reader.names(dir).filter((entry) => entry.startsWith(name));
    const next = [...this.#reader.names(`${dir}/holders`), ...partitions];
    return [...this.#usesOf(name, dir), ...next.flatMap((holder) => this.#above(holder, below))];
  }

  #usesOf(name: string, dir: string): StorageUse[] {
    const number = this.#reader.text(`${dir}/dev`);
    const node = `/dev/${name}`;
    const mapped = this.#reader.text(`${dir}/dm/name`);
    const nodes = new Set(mapped === null ? [node] : [node, `/dev/mapper/${mapped}`]);
    const mounted = this.#mounts?.filter(
      ({ device, source }) => device === number || source.split(':').some((part) => nodes.has(part)),
    );
    const uses: StorageUse[] = (mounted ?? []).map(({ point }) => ({
      state: 'mounted',
      what: `is mounted on ${point}`,
      hint: point === '/' ? undefined : `umount ${shellWord(point)}`,
      vital: point === '/',
    }));
    if (this.#swaps.some((path) => nodes.has(path)))
      uses.push({
        state: 'swap',
        what: 'is used as swap space',
        hint: `swapoff ${shellWord(node)}`,
        vital: false,
      });
    if (uses.length === 0 && this.#btrfs.has(name))
      uses.push({
        state: 'mounted',
        what: 'is part of a mounted btrfs file system',
        hint: `btrfs filesystem show ${shellWord(node)}`,
        vital: false,
      });
    return uses;
  }

  /** `dm-0 (vg-root)`, `md127` */
  #title(name: string): string {
    const mapped = this.#reader.text(`/sys/class/block/${name}/dm/name`);
    return mapped === null ? name : `${name} (${mapped})`;
  }
}

/**
 * Asks the kernel about claims: a mount, swap space or a device built upon a block device claims it exclusively, and the
 * kernel then refuses O_EXCL (open(2), block/bdev.c). The claim that this makes is gone at once.
 */
export function claimProbe(sys: Sys): IsClaimed {
  return (node) => {
    try {
      sys.close(sys.open(node, { exclusive: true }));
      return false;
    } catch (error) {
      // Without permission, or on a machine that can only be looked at, it cannot be told.
      return error instanceof SysError && error.code === 'EBUSY';
    }
  };
}

const IFF_UP = 1;

/** Returns whether a network interface is up (null: not known), and the bridge or bond that it is part of. */
export function netState(reader: AttributeReader, dir: string): { up: boolean | null; master: string | null } {
  const flags = reader.number(`${dir}/flags`);
  return { up: flags === null ? null : (flags & IFF_UP) !== 0, master: reader.linkName(`${dir}/master`) };
}

/** Finds interfaces that are up. Those in another network namespace are missed: sysfs shows only the reader's. */
function findNetUse(reader: AttributeReader, { name, dir }: ClassDevice, report: Report) {
  const { up, master } = netState(reader, dir);
  if (up === false && master === null) return;
  const state = up === null ? 'may be up' : up ? 'is up' : 'is down';
  report(
    `the network interface ${name} ${state}${master === null ? '' : ` and part of ${master}`}`,
    state === 'is up' ? `ip link set ${shellWord(name)} down` : undefined,
  );
}

/** Finds virtual functions. They vanish with the driver of their physical function, whoever uses them. */
function findVirtualFunctions(reader: AttributeReader, address: string, report: Report) {
  const count = reader.number(pciPath(address, 'sriov_numvfs'));
  if (count !== null && count > 0)
    report(
      `it has ${count} virtual function${count === 1 ? '' : 's'}, which would be removed with it`,
      `udrv vfio vf ${address} 0`,
    );
}

/** Processes that have a node of the functions open: all are looked for at once. */
class NodeUses {
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
