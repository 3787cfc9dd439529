import { SysError, UdrvError } from '../../errors';

/**
 * Undoes what a check did, unless the test ends and everything goes anyway. A failure must not hide what the check
 * found, and shows in the next transfer.
 */
export function putBack(undo: () => void, signal: AbortSignal): void {
  if (signal.aborted) return;
  try {
    undo();
  } catch (error) {
    if (!(error instanceof SysError || error instanceof UdrvError)) throw error;
  }
}
