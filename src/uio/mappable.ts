import type { Region } from '../model/device';
import { hex } from '../text/hex';

/** Tells why the kernel does not map a region of a device that is there; `isCertain` where its place and size say it. */
export function whyNotMappable(
  { address, size }: Region,
  pageSize: number,
): { isCertain: boolean; message: string; hint?: string } {
  const hint =
    'its driver must export whole pages, with the registers at an offset: uio_pdrv_genirq of newer kernels does';
  if (address === null)
    return { isCertain: false, message: 'the driver has no memory for it', hint: 'sudo dmesg may tell why' };
  if (BigInt(address) % BigInt(pageSize) !== 0n)
    return {
      isCertain: true,
      message: `its address, ${address}, begins no page of ${hex(pageSize)} bytes; size ${hex(size)}`,
      hint,
    };
  if (size < pageSize)
    return {
      isCertain: true,
      message: `it has ${hex(size)} bytes, fewer than a page of ${hex(pageSize)}; address ${address}`,
      hint,
    };
  return {
    isCertain: false,
    message: `the driver refuses ${hex(size)} bytes at ${address}, pages of ${hex(pageSize)}`,
  };
}
