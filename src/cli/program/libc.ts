import type { Libc } from '../../sys/linux/libc';

let loaded: Libc | undefined;

/**
 * Returns the C library for the waits of the command's own input and output. It is loaded with the first of them: most
 * files are no pipes, and most pipes have room.
 */
export function ownLibc(): Libc {
  if (loaded === undefined) {
    const late = require('../../sys/linux/libc') as typeof import('../../sys/linux/libc');
    loaded = new late.Libc();
  }
  return loaded;
}
