import { type DmaFault, faultIsOf, parseFaults } from '../dma/faults';
import type { KernelLog } from '../dma/kernel-log';
import { pause } from './wait';

/** Wait for the interrupt that reports a fault: it comes after the transfer. */
const PATIENCE_MS = 40;

/** Finds the first fault of a function within `length` bytes from `address` that was not read yet; null if there is none. */
export async function findFault(
  log: KernelLog,
  device: string,
  address: bigint,
  length: number,
  signal: AbortSignal,
): Promise<DmaFault | null> {
  if (!log.readable) return null;
  const lines: string[] = [];
  for (const wait of [0, PATIENCE_MS]) {
    if (wait > 0) await pause(wait, signal);
    lines.push(...log.lines());
    const found = parseFaults(lines).find((fault) => faultIsOf(fault, device, address, length));
    if (found !== undefined) return found;
  }
  return null;
}
