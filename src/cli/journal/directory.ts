import type { Context } from '../program/context';
import { isThisMachine } from '../program/machine';

/**
 * Returns the directory of the journal of this machine: root's, which is gone at the next boot, or that of the user's
 * session; null where there is none, and for other machines.
 */
export function journalDirectory({ options, env }: Pick<Context, 'options' | 'env'>): string | null {
  if (!isThisMachine(options)) return null;
  if (process.geteuid?.() === 0) return '/run/udrv/taken';
  const own = env['XDG_RUNTIME_DIR'];
  return own?.startsWith('/') ? `${own}/udrv/taken` : null;
}
