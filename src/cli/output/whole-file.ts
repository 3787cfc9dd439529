import { renameSync, writeFileSync } from 'node:fs';
import { Cleanup } from '../../cleanup';
import { SysError } from '../../errors';
import { removeIfThere, sysCall } from '../../sys/linux/node-fs';
import { fileError } from './file';
import type { OutputStream } from './stream';

/**
 * Puts a file in the place of one that others read meanwhile: they see the old one or the new one, each whole.
 *
 * @param stdout the output that the file stands in for
 * @throws UdrvError exit 4 where that is not permitted, else 1
 */
export function replaceFile(stdout: OutputStream, path: string, text: string): void {
  stdout.beforeWrite?.();
  // Beside it, as rename(2) does not leave a file system; node_exporter takes only names that end in .prom.
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    using cleanup = new Cleanup();
    cleanup.defer(() => removeIfThere(temporary));
    sysCall('open', path, () => writeFileSync(temporary, text, { flag: 'wx', mode: 0o666 }));
    sysCall('rename', path, () => renameSync(temporary, path));
  } catch (error) {
    throw error instanceof SysError ? fileError(error) : error;
  }
}
