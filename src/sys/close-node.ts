import { closeFailed, SysError } from '../errors';
import type { Sys } from './sys';

/** Closes the node of a device. @param address of the device @throws UdrvError with its name, where the kernel fails */
export function closeNode(sys: Sys, fd: number, address: string): void {
  try {
    sys.close(fd);
  } catch (error) {
    throw error instanceof SysError ? closeFailed(error, { subject: address, device: address }) : error;
  }
}
