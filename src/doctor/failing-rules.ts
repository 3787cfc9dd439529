import type { DeviceInfo } from '../model/device';
import type { Seen } from './check';
import type { Evidence } from './evidence';

/** Finds rules of udev that are meant to give a device to somebody, and do not. */
export function failingRules(tree: Evidence, device: DeviceInfo): Seen[] {
  // Loaded where it is needed: a node that is open has no need of rules.
  const { checkRules } = require('../udev/check') as typeof import('../udev/check');
  return checkRules(tree, device)
    .rules.filter(({ problems }) => problems.length > 0)
    .map(({ path, line, problems }) => ({ path: `${path}:${line}`, value: problems.join('; ') }));
}
