import { SysError } from '../../errors';
import type { SysTree } from '../sys';

/** A process that has a node open, or mapped. */
export interface Holder {
  pid: number;
  /** Its name as the kernel has it (`comm`, 15 bytes at most). The process chose it: escape it before printing. */
  command: string;
  /** The node, as it was asked for. */
  node: string;
  /** The hold on it: a descriptor, or a mapping that outlives its descriptor. */
  by: 'descriptor' | 'mapping';
}

export interface Holders {
  /** By pid; a process that has a node both ways is there once, for its descriptor. */
  holders: Holder[];
  /** Whether every process of the machine was looked into: other users' are closed to all but root. */
  complete: boolean;
}

/**
 * A device that was opened through a VFIO group has a descriptor without a path. As a node it is called this, which
 * stands for all of them, or with the device's address behind it ({@link vfioDeviceNode}).
 */
export const VFIO_DEVICE = 'anon_inode:[vfio-device]';

/** The name to ask by for the descriptors of one VFIO device. Kernels since 6.18 tell the device; before, all match. */
export const vfioDeviceNode = (address: string): string => `${VFIO_DEVICE} ${address}`;

/** A process with more descriptors is looked into this far. */
const MAX_DESCRIPTORS = 65_536;

/** The mappings of a large program: 65,530 lines at most by default (vm.max_map_count), of 100 bytes. */
const MAX_MAPS_BYTES = 16 * 1024 * 1024;

const MAX_COMMAND = 64;

/** The process has ended meanwhile, or is a zombie: it holds nothing. */
const ENDED = new Set(['ENOENT', 'ESRCH', 'ENOTDIR']);

/**
 * Finds the processes that hold nodes open: `/dev/vfio/3`, `/dev/uio0`, `/dev/bus/usb/001/003`. Looks at the links in
 * /proc/PID/fd and at /proc/PID/maps, because a mapping keeps a device after its descriptor was closed, in a forked
 * child too. Never fails for a process that cannot be looked into: {@link Holders.complete} tells.
 */
export function findHolders(sys: SysTree, nodes: readonly string[]): Holders {
  const scan = new Scan(sys, nodes);
  const pids = scan.pids();
  for (const pid of pids) scan.look(pid);
  scan.holders.sort((a, b) => a.pid - b.pid);
  // With hidepid=2 others' processes are not even listed; on a machine that runs the first one is there.
  const hidden = pids.length > 0 && !pids.includes(1);
  return { holders: scan.holders, complete: scan.complete && !hidden };
}

class Scan {
  readonly holders: Holder[] = [];
  complete = true;
  readonly #sys: SysTree;
  readonly #nodes: readonly string[];

  constructor(sys: SysTree, nodes: readonly string[]) {
    this.#sys = sys;
    this.#nodes = nodes;
  }

  pids(): number[] {
    const names = this.#try(() => this.#sys.readDir('/proc'));
    if (names === null) this.complete = false;
    return (names ?? []).filter((name) => /^[1-9]\d{0,9}$/.test(name)).map(Number);
  }

  look(pid: number): void {
    const found = new Map<string, Holder['by']>();
    for (const node of this.#mapped(pid)) found.set(node, 'mapping');
    for (const node of this.#open(pid)) found.set(node, 'descriptor');
    if (found.size === 0) return;
    const command = this.#command(pid);
    for (const [node, by] of found) this.holders.push({ pid, command, node, by });
  }

  *#open(pid: number): Generator<string> {
    const dir = `/proc/${pid}/fd`;
    const names = this.#try(() => this.#sys.readDir(dir)) ?? [];
    if (names.length > MAX_DESCRIPTORS) this.complete = false;
    for (const name of names.slice(0, MAX_DESCRIPTORS)) {
      const target = this.#try(() => this.#sys.readLink(`${dir}/${name}`));
      if (target === null) continue;
      if (target !== VFIO_DEVICE) yield* this.#nodes.filter((node) => leadsTo(target, node));
      else yield* this.#vfioDevices(this.#owner(pid, name));
    }
  }

  *#mapped(pid: number): Generator<string> {
    // In one piece, and most have nothing of the kind: no line is made of those.
    const maps = this.#try(() => this.#sys.readFile(`/proc/${pid}/maps`, MAX_MAPS_BYTES));
    if (maps === null) return;
    // A mapping does not tell which VFIO device it is of.
    const isVfioMapped = isMapped(maps, VFIO_DEVICE);
    for (const node of this.#nodes) if (node.startsWith(VFIO_DEVICE) ? isVfioMapped : isMapped(maps, node)) yield node;
  }

  /** `vfio-device-syspath` in its fdinfo: the address of its device, null where the kernel does not tell. */
  #owner(pid: number, fd: string): string | null {
    const info = this.#try(() => this.#sys.readFile(`/proc/${pid}/fdinfo/${fd}`));
    return /^vfio-device-syspath:\s*\S*\/([^/\s]+)$/m.exec(info?.toString('utf8') ?? '')?.[1] ?? null;
  }

  #vfioDevices(owner: string | null): string[] {
    return this.#nodes.filter(
      (node) =>
        node === VFIO_DEVICE || (node.startsWith(VFIO_DEVICE) && (owner === null || node === vfioDeviceNode(owner))),
    );
  }

  #command(pid: number): string {
    const comm = this.#try(() => this.#sys.readFile(`/proc/${pid}/comm`));
    return comm === null ? '?' : comm.toString('utf8').replace(/\n$/, '').slice(0, MAX_COMMAND);
  }

  #try<T>(read: () => T): T | null {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof SysError)) throw error;
      if (!ENDED.has(error.code)) this.complete = false;
      return null;
    }
  }
}

/**
 * A process in a chroot has the node below that. What ends in ` (deleted)` was another device's node of that name: the
 * one that is there now is not it.
 */
function leadsTo(target: string, node: string): boolean {
  return target.endsWith(node);
}

/** Tells whether a line of /proc/PID/maps ends with a path. */
function isMapped(maps: Buffer, path: string): boolean {
  return maps.includes(`${path}\n`) || maps.toString('utf8', Math.max(0, maps.length - path.length)) === path;
}
