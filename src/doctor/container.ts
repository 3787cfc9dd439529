import { parseMounts } from '../sys/readers/mounts';
import type { Evidence } from './evidence';

/** Names the container runtime that the machine runs in; null for none, or none that tells. */
export function containerOf(tree: Evidence): string | null {
  const named = tree.text('/run/systemd/container');
  if (named !== null) return named;
  if (tree.sys.access('/run/.containerenv') !== null) return 'podman';
  const root = parseMounts(tree.bytes('/proc/self/mountinfo')?.toString('utf8') ?? '').find(
    ({ point }) => point === '/',
  );
  return root?.source === 'overlay' ? 'a container' : null;
}
