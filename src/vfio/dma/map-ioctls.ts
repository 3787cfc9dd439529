import { endianness } from 'node:os';
import { SysError } from '../../errors';
import type { Sys } from '../../sys/sys';
import { mapFailed, unmapFailed } from '../errors';
import type { Iommu, MapRequest } from './iommu';
import { brokenRule } from './map-rules';

/** Index of the low half of a u64. */
const LOW = endianness() === 'LE' ? 0 : 1;

/** Codes for a request that the kernel takes for wrong: which rule it breaks is found out here. */
const WRONG_REQUEST = new Set(['EINVAL', 'EOVERFLOW', 'EADDRINUSE']);

/** Bit in capability.h. */
const CAP_IPC_LOCK = 14n;

/** Runs the map and unmap ioctls of either kind of address space: puts errors into words, counts what is mapped. */
export class MapIoctls {
  readonly #sys: Sys;
  readonly #device: string;
  readonly #iommu: Pick<Iommu, 'kind' | 'info'>;
  /** In bytes. */
  #mapped = 0;

  constructor(sys: Sys, device: string, iommu: Pick<Iommu, 'kind' | 'info'>) {
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
        throw error instanceof SysError ? this.#explained(request, error) : error;
      }
      this.#mapped += size;
    };
  }

  /**
   * @param ioctl unmaps the range in the struct
   * @param lengthField offset of the length in the struct, a multiple of 4: the kernel writes the unmapped bytes there
   */
  unmap(ioctl: () => number, struct: Buffer, lengthField: number, iova: bigint, length: bigint): () => number {
    // Two words: a u64 would be read as a new BigInt each time.
    const words = new Uint32Array(struct.buffer, struct.byteOffset + lengthField, 2);
    const size = Number(length);
    return () => {
      try {
        ioctl();
      } catch (error) {
        throw error instanceof SysError ? unmapFailed(this.#device, { iova, length }, error) : error;
      }
      const unmapped = (words[LOW] ?? 0) + (words[1 - LOW] ?? 0) * 2 ** 32;
      if (unmapped !== size) struct.writeBigUInt64LE(length, lengthField);
      this.#mapped -= unmapped;
      return unmapped;
    };
  }

  #explained(request: MapRequest, error: SysError): Error {
    const { kind } = this.#iommu;
    return mapFailed(this.#device, request, error, {
      kind,
      mapped: this.#mapped,
      lockLimit: error.code === 'ENOMEM' ? lockLimit(this.#sys) : null,
      rule: WRONG_REQUEST.has(error.code) ? brokenRule(this.#iommu.info(), request) : null,
    });
  }
}

/** Reads how many bytes this process may lock; null where there is no limit for it, or it cannot be found out. */
function lockLimit(sys: Sys): bigint | null {
  const capabilities = /^CapEff:\s*([0-9a-f]{1,16})$/m.exec(textOf(sys, '/proc/self/status'))?.[1];
  if (capabilities !== undefined && ((BigInt(`0x${capabilities}`) >> CAP_IPC_LOCK) & 1n) === 1n) return null;
  const soft = /^Max locked memory\s+(\d+)\s/m.exec(textOf(sys, '/proc/self/limits'))?.[1];
  return soft === undefined ? null : BigInt(soft);
}

function textOf(sys: Sys, path: string): string {
  try {
    return sys.readFile(path).toString('latin1');
  } catch (error) {
    if (error instanceof SysError) return '';
    throw error;
  }
}
