import { SysError } from '../errors';
import type { PollResult, Sys } from './sys';

// Calls of a machine made of its other calls, for the implementations that have no faster way.

/** Makes {@link Sys.preparedIoctl} of `ioctl`, with nothing prepared. */
export function unprepared(
  sys: Pick<Sys, 'ioctl'>,
  ...[fd, request, argument, expected]: Parameters<Sys['preparedIoctl']>
): () => number {
  return () => {
    try {
      return sys.ioctl(fd, request, argument);
    } catch (error) {
      if (error instanceof SysError && error.code === expected) return -1;
      throw error;
    }
  };
}

/** Makes {@link Sys.readWithin} of `read` and `poll`. */
export function readOrPoll(sys: Pick<Sys, 'read' | 'poll'>, fd: number, buffer: Buffer, timeoutMs: number): PollResult {
  for (;;) {
    try {
      sys.read(fd, buffer);
      return 'ready';
    } catch (error) {
      if (!(error instanceof SysError) || error.code !== 'EAGAIN') throw error;
    }
    const outcome = sys.poll(fd, timeoutMs);
    if (outcome !== 'ready') return outcome;
  }
}
