import type { AttributeReader } from '../../sys/readers/attributes';
import type { Mount } from '../../sys/readers/mounts';
import { shellWord } from '../../text/shell';
import type { Report } from './use';

const VIRTIO_DEVICES = '/sys/bus/virtio/devices';
const VIRTIOFS = '/sys/fs/virtiofs';

/** Types of virtio devices (include/uapi/linux/virtio_ids.h) that share a directory of the host, and their file systems. */
const FILE_SYSTEMS: ReadonlyMap<number, string> = new Map([
  [9, '9p'],
  [26, 'virtiofs'],
]);

/** A virtio device that shares a directory of the host with a virtual machine. */
interface SharedDirectory {
  /** Components of its path in sysfs, the PCI function among them. */
  path: string[];
  fileSystem: string;
  /** The name by which it is mounted; null where the kernel does not tell: virtiofs before 6.9. */
  tag: string | null;
}

/** File systems that a virtual machine has from its host by 9p or virtiofs, which are mounted by a tag, not by a device. */
export class SharedFileSystems {
  readonly #reader: AttributeReader;
  readonly #mounts: () => readonly Mount[] | null;
  #directories: SharedDirectory[] | undefined;

  /** @param mounts reads the table, null where it cannot be read */
  constructor(reader: AttributeReader, mounts: () => readonly Mount[] | null) {
    this.#reader = reader;
    this.#mounts = mounts;
  }

  find(address: string, report: Report): void {
    this.#directories ??= sharedDirectories(this.#reader);
    for (const { path, fileSystem, tag } of this.#directories) {
      if (!path.includes(address)) continue;
      const mounts = this.#mounts();
      if (mounts === null) report(`cannot tell whether its ${fileSystem} share is mounted`);
      for (const { point, source, type } of mounts ?? []) {
        if (type !== fileSystem || (tag !== null && source !== tag)) continue;
        const share = tag === null ? `a ${fileSystem} share, maybe its own,` : `the ${fileSystem} share ${tag}`;
        const hint = point === '/' ? undefined : `umount ${shellWord(point)}`;
        report(`${share} is mounted on ${point}`, hint, point === '/');
      }
    }
  }
}

function sharedDirectories(reader: AttributeReader): SharedDirectory[] {
  return reader.names(VIRTIO_DEVICES).flatMap((name): SharedDirectory[] => {
    const dir = `${VIRTIO_DEVICES}/${name}`;
    const fileSystem = FILE_SYSTEMS.get(reader.number(`${dir}/device`) ?? 0);
    const path = reader.link(dir)?.split('/');
    if (fileSystem === undefined || path === undefined) return [];
    // The attribute of 9p ends with a NUL.
    const tag = fileSystem === '9p' ? textOf(reader, `${dir}/mount_tag`) : virtiofsTag(reader, name);
    return [{ path, fileSystem, tag }];
  });
}

/** Documentation/ABI/testing/sysfs-fs-virtiofs. */
function virtiofsTag(reader: AttributeReader, device: string): string | null {
  const entry = reader.names(VIRTIOFS).find((name) => reader.linkName(`${VIRTIOFS}/${name}/device`) === device);
  return entry === undefined ? null : textOf(reader, `${VIRTIOFS}/${entry}/tag`);
}

function textOf(reader: AttributeReader, path: string): string | null {
  return reader.text(path)?.replace(/\0[\s\S]*$/, '') ?? null;
}
