import { SysError } from '../errors';
import type { Sys } from '../sys/sys';

/** Bytes that a struct with all its capabilities may have; the kernel's own have some hundred. */
const MAX_ARGSZ = 1024 * 1024;

/**
 * Asks for a struct that begins with `argsz` and may have capabilities behind it. The kernel writes back the size that
 * all of it needs: where that is more than was given, it is asked again (include/uapi/linux/vfio.h).
 *
 * @param fill writes the question into the struct
 */
export function query(
  sys: Sys,
  fd: number,
  request: number,
  size: number,
  fill: (struct: Buffer) => void = () => {},
): Buffer {
  let struct = ask(size);
  const needed = struct.readUInt32LE(0);
  if (needed > MAX_ARGSZ) throw new SysError('ioctl', 'EOVERFLOW', 'capabilities');
  if (needed > size) struct = ask(needed);
  return struct;

  function ask(length: number): Buffer {
    const buffer = Buffer.alloc(length);
    buffer.writeUInt32LE(length, 0);
    fill(buffer);
    sys.ioctl(fd, request, buffer);
    return buffer;
  }
}
