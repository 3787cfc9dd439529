import { pciPath } from '../pci/paths';
import { AttributeReader } from '../sys/readers/attributes';
import type { SysTree } from '../sys/sys';
import type { Binding } from './plan';

/** Reads the present binding of a function. */
export function readBinding(sys: SysTree, address: string): Binding {
  const reader = new AttributeReader(sys);
  const dir = pciPath(address);
  const override = reader.text(`${dir}/driver_override`);
  return { driver: reader.linkName(`${dir}/driver`), override: override === '(null)' ? null : override };
}

/** Reads the ids that tell whether an address still has the same device: `1b36:0010`. */
export function readIdentity(sys: SysTree, address: string): string {
  const reader = new AttributeReader(sys);
  const dir = pciPath(address);
  return `${reader.hex(`${dir}/vendor`, 4)}:${reader.hex(`${dir}/device`, 4)}`;
}

/** Whether a function is a bridge, of any kind: base class 06. */
export function isBridge(sys: SysTree, address: string): boolean {
  return new AttributeReader(sys).hex(pciPath(address, 'class'), 6)?.startsWith('06') === true;
}
