import * as fs from 'node:fs';
import { closing } from '../../cleanup';
import { removeIfThere, sysCall } from './node-fs';

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY } = fs.constants;

export interface ReplaceOptions {
  /** Permissions, of which the umask takes its own away. */
  mode: number;
  /** The permissions are these, whatever the umask. */
  isExact?: boolean;
  /** All of it is on the disk before it takes the place. */
  isSynced?: boolean;
  /** End of the name that the file has meanwhile. */
  ending?: string;
}

/**
 * Puts a file in the place of one that others read meanwhile: they see the old one or the new one, each whole, and a full
 * disk or a signal leaves the old one. A link is replaced, and never followed.
 *
 * @throws SysError, which names the place
 */
export function replaceFile(path: string, data: string, options: ReplaceOptions): void {
  const { mode, isExact = false, isSynced = false, ending = '' } = options;
  // Beside it, as rename(2) does not leave a file system, and without the ending by which directories such as rules.d
  // are read.
  const temporary = `${path}.${process.pid}${ending}`;
  sysCall('unlink', path, () => removeIfThere(temporary));
  const fd = sysCall('open', path, () => fs.openSync(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode));
  try {
    try {
      sysCall('write', path, () => fs.writeFileSync(fd, data));
      if (isExact) sysCall('fchmod', path, () => fs.fchmodSync(fd, mode));
      if (isSynced) sysCall('fsync', path, () => fs.fsyncSync(fd));
    } finally {
      // Some file systems tell only now that the disk is full.
      sysCall('close', path, () => fs.closeSync(fd));
    }
    sysCall('rename', path, () => fs.renameSync(temporary, path));
  } catch (error) {
    throw closing({ close: () => removeIfThere(temporary) }, error);
  }
}
