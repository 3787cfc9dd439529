import * as fs from 'node:fs';
import { closing } from '../../cleanup';
import { removeIfThere, sysCall } from './node-fs';

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY } = fs.constants;

/**
 * Writes a new file beside the place and renames it into it, once all of it is on the disk: a full disk or a signal
 * leaves what was there.
 */
export function replaceFile(path: string, data: string): void {
  // Not the ending of the name, by which directories such as rules.d are read.
  const temporary = `${path}.${process.pid}`;
  removeIfThere(temporary);
  const fd = sysCall('open', path, () => fs.openSync(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o644));
  try {
    try {
      sysCall('write', path, () => fs.writeFileSync(fd, data));
      sysCall('fchmod', path, () => fs.fchmodSync(fd, 0o644));
      sysCall('fsync', path, () => fs.fsyncSync(fd));
    } finally {
      fs.closeSync(fd);
    }
    sysCall('rename', path, () => fs.renameSync(temporary, path));
  } catch (error) {
    throw closing({ close: () => removeIfThere(temporary) }, error);
  }
}
