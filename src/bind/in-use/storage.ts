import { SysError } from '../../errors';
import type { AttributeReader } from '../../sys/readers/attributes';
import { type Mount, readSwaps } from '../../sys/readers/mounts';
import type { Sys } from '../../sys/sys';
import { shellWord } from '../../text/shell';
import type { ClassDevice } from './class-devices';
import type { Report } from './use';

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

/** Device mapper on md on partitions on multipath: real stacks are no deeper. */
const MAX_STACK = 16;

/** File systems and swap space on block devices. The tables are read once. */
export class StorageUses {
  readonly #isClaimed: IsClaimed;
  readonly #reader: AttributeReader;
  readonly #mounts: readonly Mount[] | null;
  readonly #swaps: readonly string[];
  /** By the name of a member: file systems that are mounted and have several. */
  readonly #btrfs: ReadonlySet<string>;

  /** @param mounts null: the table cannot be read */
  constructor(isClaimed: IsClaimed, reader: AttributeReader, mounts: readonly Mount[] | null) {
    this.#isClaimed = isClaimed;
    this.#reader = reader;
    this.#mounts = mounts;
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
