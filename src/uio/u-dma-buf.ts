import { acquiring, type Cleanup } from '../cleanup';
import { Exit, UdrvError } from '../errors';
import type { DmaSegment } from '../model/scatter-list';
import { AttributeReader } from '../sys/readers/attributes';
import type { Memory, Sys, SysTree } from '../sys/sys';
import { didYouMean } from '../text/nearest';
import { uDmaBufFailed } from './errors';

/** Older versions of the driver have the second. */
const CLASSES = ['/sys/class/u-dma-buf', '/sys/class/udmabuf'];

/** A buffer of u-dma-buf, the driver outside of Linux that gives UIO devices memory for DMA: github.com/ikwzm/udmabuf */
export interface UDmaBufInfo {
  /** `udmabuf0`, or the name that the device tree gives it. */
  name: string;
  /** Directory of its attributes. */
  path: string;
  node: string;
  /** Address by which the device reaches it: `phys_addr`. */
  address: bigint;
  /** In bytes. */
  size: number;
  /** Whether caches see the device's DMA; null where the driver does not tell. */
  coherent: boolean | null;
}

export interface UDmaBufOptions {
  /**
   * Maps it cached, which is faster; where caches do not see DMA the memory has to be handed over by
   * {@link UDmaBuf.syncForDevice} and {@link UDmaBuf.syncForCpu}. Otherwise it is opened with O_SYNC, which the
   * driver maps uncached where that is needed (its sync_mode 1, the usual one).
   */
  cached?: boolean | undefined;
}

/** The direction of the DMA, in the numbers of enum dma_data_direction of include/linux/dma-direction.h. */
const DIRECTIONS = { both: 0, 'to-device': 1, 'from-device': 2 } as const;
export type SyncDirection = keyof typeof DIRECTIONS;

/** Lists the buffers of u-dma-buf, by name. Opens nothing. */
export function listUDmaBufs(tree: SysTree): UDmaBufInfo[] {
  const reader = new AttributeReader(tree);
  return CLASSES.flatMap((path) => reader.names(path).map((name) => ({ name, path: `${path}/${name}` })))
    .sort((a, b) => a.name.localeCompare(b.name, 'en', { numeric: true }))
    .flatMap(({ name, path }) => {
      const address = /^0x[0-9a-f]{1,16}$/i.exec(reader.text(`${path}/phys_addr`) ?? '')?.[0];
      const size = reader.number(`${path}/size`);
      const coherent = reader.number(`${path}/dma_coherent`);
      if (address === undefined || size === null || size <= 0) return [];
      return [
        {
          name,
          path,
          node: `/dev/${name}`,
          address: BigInt(address),
          size,
          coherent: coherent === null ? null : coherent !== 0,
        },
      ];
    });
}

/** Returns the buffer of a name. @throws exit 3, naming those that are there */
export function findUDmaBuf(tree: SysTree, name: string): UDmaBufInfo {
  const all = listUDmaBufs(tree);
  const found = all.find((info) => info.name === name);
  if (found !== undefined) return found;
  const names = all.map((info) => info.name);
  throw new UdrvError('no such u-dma-buf', {
    code: 'ENOENT',
    exit: Exit.notFound,
    subject: name,
    hint:
      didYouMean(name, names) ??
      (names.length > 0 ? `there are ${names.join(', ')}` : 'sudo modprobe u-dma-buf udmabuf0=1048576 makes one of 1M'),
  });
}

/**
 * An open buffer of u-dma-buf. {@link close} (or `using`) unmaps it; the memory and its content stay the driver's.
 *
 * @example
 * using buffer = UDmaBuf.open(sys, findUDmaBuf(sys, 'udmabuf0'));
 * device.region('map0').write(0x80, 4, Number(buffer.iova));
 */
export class UDmaBuf implements DmaSegment {
  readonly info: UDmaBufInfo;
  readonly #sys: Sys;
  readonly #memory: Memory;
  readonly #cleanup: Cleanup;

  private constructor(sys: Sys, info: UDmaBufInfo, memory: Memory, cleanup: Cleanup) {
    this.#sys = sys;
    this.info = info;
    this.#memory = memory;
    this.#cleanup = cleanup;
  }

  /** @throws exit 4 with what grants access, exit 3 where the node is missing */
  static open(sys: Sys, info: UDmaBufInfo, { cached = false }: UDmaBufOptions = {}): UDmaBuf {
    return acquiring((cleanup) => {
      try {
        const fd = sys.open(info.node, { write: true, sync: !cached });
        cleanup.defer(() => sys.close(fd));
        const memory = cleanup.own(sys.allocateDma(fd, info.size, { uncached: true }));
        return new UDmaBuf(sys, info, memory, cleanup);
      } catch (error) {
        throw uDmaBufFailed(info.name, info.node, error);
      }
    });
  }

  /** Address by which the device reaches it. Without an IOMMU in between; a device behind one needs VFIO. */
  get iova(): bigint {
    return this.info.address;
  }

  /** In bytes. */
  get length(): number {
    return this.info.size;
  }

  /** The memory, `length` bytes. RangeError once it is closed. */
  get bytes(): Buffer {
    return this.#memory.bytes.subarray(0, this.info.size);
  }

  /** Gives a part to the processor: what the device wrote is seen after it. Of no effect where DMA is coherent. */
  syncForCpu(offset: number, size: number, direction: SyncDirection): void {
    this.#sync('sync_for_cpu', offset, size, direction);
  }

  /** Gives a part to the device: what the processor wrote is seen by it. Of no effect where DMA is coherent. */
  syncForDevice(offset: number, size: number, direction: SyncDirection): void {
    this.#sync('sync_for_device', offset, size, direction);
  }

  close(): void {
    this.#cleanup.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #sync(attribute: string, offset: number, size: number, direction: SyncDirection): void {
    if (
      !Number.isSafeInteger(offset) ||
      !Number.isSafeInteger(size) ||
      offset < 0 ||
      size <= 0 ||
      offset + size > this.length
    )
      throw new RangeError(`${size} bytes from ${offset} are not inside of ${this.info.name}`);
    const { path } = this.info;
    this.#sys.writeFile(`${path}/sync_offset`, `${offset}`);
    this.#sys.writeFile(`${path}/sync_size`, `${size}`);
    this.#sys.writeFile(`${path}/sync_direction`, `${DIRECTIONS[direction]}`);
    this.#sys.writeFile(`${path}/${attribute}`, '1');
  }
}
