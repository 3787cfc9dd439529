import { posix } from 'node:path';
import type { Access } from '../../sys/sys';
import type { Entry, MemoryTree } from '../../sys/tree/memory-tree';
import { AccessLog } from '../hardware/access-log';
import { Timeline } from '../hardware/timeline';
import { ConfigFiles } from './config-files';
import { DescriptorTable } from './descriptor-table';
import { Errno } from './errno';
import { type BinaryAttribute, BinaryFile, type Opener } from './file';
import { HugePages } from './huge-pages';
import { SimKernelLog } from './kernel-log';
import { ProcessMemory } from './process-memory';
import { Uevents } from './uevents';

/** A text attribute: its reading and writing. One without `show` is write-only. */
export interface Attribute {
  /** Returns the text without the newline at its end. */
  show?(): string;
  store?(text: string): void;
}

const SEQUENCE = '/sys/kernel/uevent_seqnum';
const ALL = Number.POSITIVE_INFINITY;

const PAGE_SIZE = 4096;
/** The directories of sysfs that link to devices; a star is any name. */
const LINKS_TO_DEVICES = [
  '/sys/class/*',
  '/sys/block',
  '/sys/bus/*/devices',
  '/sys/bus/*/drivers/*',
  '/sys/kernel/iommu_groups/*/devices',
  '/sys/devices/virtual/iommu/*/devices',
];

/** The state that the parts of the simulated kernel share: the file tree, the openers of its nodes, time, wake-ups. */
export class Kernel {
  readonly pageSize = PAGE_SIZE;
  readonly tree: MemoryTree;
  readonly timeline = new Timeline();
  readonly log = new AccessLog();
  readonly descriptors = new DescriptorTable();
  readonly memory = new ProcessMemory(PAGE_SIZE);
  readonly hugePages: HugePages;
  readonly files: ConfigFiles;
  readonly uevents = new Uevents(() => this.wake());
  readonly messages = new SimKernelLog(
    () => this.timeline.now(),
    () => this.wake(),
  );
  /** False during boot, which sends no uevents: the base already has its results. */
  isUp = false;
  /** Keyed by the tree's entry, so that a path through links finds it too. */
  readonly #openers = new WeakMap<object, Opener>();
  /** Called before the process changes anything or opens a file. */
  onUse: () => void = () => {};
  /** Called when a descriptor may have become ready. */
  onWake: () => void = () => {};

  constructor(tree: MemoryTree) {
    this.tree = tree;
    this.files = new ConfigFiles(tree);
    this.hugePages = new HugePages((path, attribute) => this.attribute(path, attribute));
    this.uevents.sequence = Number(this.text(SEQUENCE));
    this.attribute(SEQUENCE, { show: () => String(this.uevents.sequence) });
  }

  wake(): void {
    this.onWake();
  }

  /** Rounds bytes up to whole pages. */
  pages(bytes: number): number {
    return Math.ceil(bytes / PAGE_SIZE) * PAGE_SIZE;
  }

  /** Sets a text attribute of sysfs, in the place of one that is there. */
  attribute(path: string, { show, store }: Attribute): void {
    const read = () => {
      // Write-only: kernfs refuses it in open, to root too.
      if (show === undefined) throw new Errno('EACCES', 'open');
      return Buffer.from(`${show()}\n`);
    };
    const write = store && ((data: Buffer) => store(data.toString('latin1')));
    const entry = { kind: 'file' as const, read, ...(write && { write }) };
    this.tree.set(path, entry);
    if (show !== undefined) return;
    this.#openers.set(entry, () => {
      throw new Errno('EACCES');
    });
  }

  /** Sets a binary attribute of sysfs, in the place of one that is there. */
  binary(path: string, attribute: BinaryAttribute): void {
    const entry = {
      kind: 'file' as const,
      read: () => {
        // readFile makes one read, which asks for more than there is.
        const buffer = Buffer.alloc(PAGE_SIZE);
        return Buffer.from(buffer.subarray(0, new BinaryFile(attribute).read(buffer)));
      },
      write: (data: Buffer) => void new BinaryFile(attribute).write(data),
    };
    this.tree.set(path, entry);
    this.#openers.set(entry, () => new BinaryFile(attribute));
  }

  /** Makes a device node work, and makes the node if the base has none. */
  node(path: string, opener: Opener): void {
    let entry = this.tree.find(path);
    if (entry?.kind !== 'node') {
      entry = { kind: 'node', access: 'rw' };
      this.tree.set(path, entry);
    }
    this.#openers.set(entry, opener);
  }

  /**
   * device_del(): removes a device's directory and all below it, their nodes, and the links that led there.
   *
   * @returns the function that puts all that back
   */
  removeDevice(path: string): () => void {
    const removed: [path: string, entry: Entry][] = [];
    const remove = (below: string) => {
      removed.push(...this.#entriesBelow(below));
      this.tree.delete(below);
    };
    for (const name of this.#nodesBelow(path)) remove(`/dev/${name}`);
    remove(path);
    for (const directory of LINKS_TO_DEVICES.flatMap((pattern) => this.#expand(pattern)))
      for (const name of this.tree.readDir(directory))
        if (!this.exists(`${directory}/${name}`)) remove(`${directory}/${name}`);
    // An IOMMU group goes with its last device.
    for (const devices of this.#expand('/sys/kernel/iommu_groups/*/devices'))
      if (this.tree.readDir(devices).length === 0) remove(posix.dirname(devices));
    return () => {
      for (const [where, entry] of removed) this.tree.set(where, entry);
    };
  }

  /** kobject_uevent(): sends an event of a device, described by its `uevent` attribute. */
  notify(action: string, path: string): void {
    if (!this.isUp) return;
    const lines = this.text(`${path}/uevent`)
      .split('\n')
      .filter((line) => line.includes('='));
    const properties = lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]);
    const subsystem = posix.basename(this.tree.readLink(`${path}/subsystem`));
    this.uevents.send(action, path.slice('/sys'.length), { SUBSYSTEM: subsystem, ...Object.fromEntries(properties) });
  }

  setAccess(path: string, access: Access): void {
    const entry = this.tree.find(path);
    if (entry?.kind !== 'node') throw new RangeError(`${path} is no device node`);
    entry.access = access;
  }

  openerOf(entry: object): Opener | undefined {
    return this.#openers.get(entry);
  }

  /** Makes a relative link as sysfs does, which ends in the target's name even where that is a directory above. */
  link(path: string, target: string): void {
    const directory = posix.relative(posix.dirname(path), posix.dirname(target));
    this.tree.set(path, { kind: 'link', target: posix.join(directory, posix.basename(target)) });
  }

  exists(path: string): boolean {
    return this.tree.find(path) !== null;
  }

  /** Returns whether a path is a directory itself; a link to one leads to another device. */
  isDirectory(path: string): boolean {
    return this.#linkTarget(path) === null && this.tree.find(path)?.kind === 'dir';
  }

  bytes(path: string): Buffer {
    return this.tree.readFile(path, ALL);
  }

  text(path: string): string {
    return this.bytes(path).toString('latin1');
  }

  /** Lists the names in /dev of the devices in a directory, from their uevents. */
  #nodesBelow(path: string): string[] {
    return this.tree.readDir(path).flatMap((name) => {
      const entry = `${path}/${name}`;
      if (name === 'uevent') return /^DEVNAME=(.+)$/m.exec(this.text(entry))?.slice(1) ?? [];
      return this.isDirectory(entry) ? this.#nodesBelow(entry) : [];
    });
  }

  /** Lists the entry at a path, or all entries below a directory; an empty directory has none. */
  #entriesBelow(path: string): [path: string, entry: Entry][] {
    const target = this.#linkTarget(path);
    if (target !== null) return [[path, { kind: 'link', target }]];
    const entry = this.tree.find(path);
    if (entry === null) return [];
    if (entry.kind !== 'dir') return [[path, entry]];
    return [...entry.children.keys()].flatMap((name) => this.#entriesBelow(`${path}/${name}`));
  }

  #linkTarget(path: string): string | null {
    try {
      return this.tree.readLink(path);
    } catch {
      return null;
    }
  }

  /** Lists the directories that a path with stars stands for. */
  #expand(pattern: string): string[] {
    const star = pattern.indexOf('*');
    if (star < 0) return this.tree.find(pattern)?.kind === 'dir' ? [pattern] : [];
    const above = pattern.slice(0, star - 1);
    return this.tree.readDir(above).flatMap((name) => this.#expand(`${above}/${name}${pattern.slice(star + 1)}`));
  }
}
