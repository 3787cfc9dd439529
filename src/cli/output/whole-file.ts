import { SysError } from '../../errors';
import { replaceFile } from '../../sys/linux/replace-file';
import { fileError } from './file';
import type { OutputStream } from './stream';

/**
 * Puts the output of a command in the place of a file that others read meanwhile.
 *
 * @param stdout the output that the file stands in for
 * @throws UdrvError exit 4 where that is not permitted, else 1
 */
export function replaceWhole(stdout: OutputStream, path: string, text: string): void {
  stdout.beforeWrite?.();
  try {
    // node_exporter takes only names that end in .prom.
    replaceFile(path, text, { mode: 0o666, ending: '.tmp' });
  } catch (error) {
    throw error instanceof SysError ? fileError(error) : error;
  }
}
