import type { AttributeReader } from '../../sys/readers/attributes';
import type { Report } from './use';

/** The link to a device that needs another, `consumer:platform:fe200000.ethernet`; kernels before 5.12 leave the bus out. */
const CONSUMER = /^consumer:(?:[a-z][\w-]*:)?(.+)$/;

/** The most devices that a message names. */
const MAX_SHOWN = 3;

/**
 * Finds devices that get clocks, power, addresses or the like from a device: the kernel takes them from their drivers
 * before the supplier loses its own (device_links_unbind_consumers() in drivers/base/core.c). Links that only order
 * suspend and resume are not tracked, and those of `sync_state_only` unbind nothing.
 *
 * @param dir the supplier's directory in sysfs
 */
export function findConsumers(reader: AttributeReader, dir: string, report: Report): void {
  const names = reader
    .names(dir)
    .sort()
    .flatMap((entry) => {
      const name = CONSUMER.exec(entry)?.[1];
      if (name === undefined || reader.text(`${dir}/${entry}/status`) !== 'active') return [];
      return reader.text(`${dir}/${entry}/sync_state_only`) === '1' ? [] : [name];
    });
  if (names.length === 0) return;
  const more = names.length > MAX_SHOWN ? ` and ${names.length - MAX_SHOWN} more` : '';
  const whose = names.length === 1 ? 'its driver' : 'their drivers';
  report(`it supplies ${names.slice(0, MAX_SHOWN).join(', ')}${more}, which would lose ${whose} too`);
}
