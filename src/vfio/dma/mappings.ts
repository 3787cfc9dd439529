import { endianness } from 'node:os';
import { SysError } from '../../errors';
import type { SysTree } from '../../sys/sys';
import { type Iommu, type MapRequest, mapError, unmapError } from './iommu';

/** Which half of a u64 is the low one. */
const LOW = endianness() === 'LE' ? 0 : 1;

/** What both ways in have in common of mapping: errors in words, and how much is mapped. */
export class Mappings {
  readonly #sys: SysTree;
  readonly #device: string;
  readonly #iommu: Pick<Iommu, 'kind' | 'info'>;
  /** In bytes. */
  #mapped = 0;

  constructor(sys: SysTree, device: string, iommu: Pick<Iommu, 'kind' | 'info'>) {
    this.#sys = sys;
    this.#device = device;
    this.#iommu = iommu;
  }

  /** @param ioctl makes the mapping that is asked for */
  map(ioctl: () => number, request: MapRequest): () => void {
    const size = Number(request.length);
    return () => {
      try {
        ioctl();
      } catch (error) {
        if (!(error instanceof SysError)) throw error;
        throw mapError(this.#sys, this.#device, this.#iommu, request, BigInt(this.#mapped), error);
      }
      this.#mapped += size;
    };
  }

  /**
   * @param ioctl unmaps what the struct says
   * @param lengthField where in the struct the length is, a multiple of 4: the kernel puts there what it unmapped
   */
  unmap(ioctl: () => number, struct: Buffer, lengthField: number, iova: bigint, length: bigint): () => number {
    // As numbers: a BigInt would be made for each.
    const words = new Uint32Array(struct.buffer, struct.byteOffset + lengthField, 2);
    const size = Number(length);
    return () => {
      try {
        ioctl();
      } catch (error) {
        throw error instanceof SysError ? unmapError(this.#device, iova, length, error) : error;
      }
      const unmapped = (words[LOW] ?? 0) + (words[1 - LOW] ?? 0) * 2 ** 32;
      if (unmapped !== size) struct.writeBigUInt64LE(length, lengthField);
      this.#mapped -= unmapped;
      return unmapped;
    };
  }
}
