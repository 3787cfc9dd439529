import { AttributeReader } from '../sys/readers/attributes';
import type { SysTree } from '../sys/sys';
import { comparePciAddresses, isPciAddress } from './address';
import { pciPath } from './paths';

/** A root bus (`pci0000:00`) or a function (`0000:00:01.0`), with all that is behind it. */
export interface PciNode {
  name: string;
  children: PciNode[];
}

/** The most steps of a path: each bridge takes one of 256 buses, and behind Intel's VMD is a domain with 256 of its own. */
const MOST_STEPS = 2 * 257;

/** Tells whether a name is a root bus's: `pci`, then domain and number (drivers/pci/probe.c). */
export function isRootBus(name: string): boolean {
  return name.startsWith('pci') && isPciAddress(firstFunction(name));
}

/**
 * Puts functions behind their bridges, as far as their links in /sys/bus/pci/devices tell:
 * `../../../devices/pci0000:00/0000:00:01.0/0000:01:00.0`. A function whose link does not tell stands at the top; a bridge
 * that is only in a path of another has its place all the same. Ascending by address.
 */
export function pciHierarchy(sys: SysTree, addresses: readonly string[]): PciNode[] {
  const reader = new AttributeReader(sys);
  const top: PciNode = { name: '', children: [] };
  // By path: in a damaged tree two functions may each be behind the other, which makes four nodes and no circle.
  const nodes = new Map<string, PciNode>();
  for (const address of addresses) {
    let parent = top;
    let path = '';
    for (const name of stepsTo(reader, address)) {
      path += `/${name}`;
      let node = nodes.get(path);
      if (node === undefined) {
        node = { name, children: [] };
        nodes.set(path, node);
        parent.children.push(node);
      }
      parent = node;
    }
  }
  for (const { children } of [top, ...nodes.values()]) children.sort(byAddress);
  return top.children;
}

function stepsTo(reader: AttributeReader, address: string): string[] {
  const steps = (reader.link(pciPath(address)) ?? '')
    .split('/')
    .filter((step) => isRootBus(step) || isPciAddress(step));
  return steps.at(-1) === address && steps.length <= MOST_STEPS ? steps : [address];
}

function byAddress(a: PciNode, b: PciNode): number {
  const key = ({ name }: PciNode) => (isRootBus(name) ? firstFunction(name) : name);
  return comparePciAddresses(key(a), key(b));
}

/** The address of the first function that a root bus can have. */
const firstFunction = (rootBus: string): string => `${rootBus.slice('pci'.length)}:00.0`;
