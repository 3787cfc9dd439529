import type { Width } from '../../sys/sys';
import { from, type SimRegion } from '../hardware/region';
import { Errno } from '../kernel/errno';
import type { BinaryAttribute } from '../kernel/file';
import type { Kernel } from '../kernel/kernel';
import type { PciBar } from './bar';
import type { PciFunction } from './function';

/** Makes the live attributes of a PCI function: drivers/pci/pci-sysfs.c. */
export function installPciAttributes(kernel: Kernel, fn: PciFunction, present: () => boolean): void {
  kernel.binary(`${fn.path}/config`, configAttribute(kernel, fn, present));
  for (const bar of fn.bars) {
    const attribute = resourceAttribute(kernel, fn, bar, present);
    kernel.binary(`${fn.path}/resource${bar.index}`, attribute);
  }
  // The state as the kernel last knew it: `unknown` for a function that no driver has enabled.
  const before = kernel.text(`${fn.path}/power_state`).trim();
  kernel.attribute(`${fn.path}/power_state`, { show: () => (fn.power === 'D0' ? before : fn.power) });
}

/**
 * pci_read_config(), pci_write_config(): make the largest aligned accesses that the range allows, from its start on.
 */
function configAttribute(kernel: Kernel, fn: PciFunction, present: () => boolean): BinaryAttribute {
  const registers = kernel.log.of(fn.name, 'config', {
    read: (offset, width) => fn.readConfig(offset, width),
    write: (offset, width, value) => fn.writeConfig(offset, width, Number(value)),
  });
  return {
    size: fn.config.size,
    present,
    read(buffer, position) {
      for (const { offset, width } of split(position, buffer.length))
        buffer.writeUIntLE(Number(registers.read(offset, width)), offset - position, width);
      return buffer.length;
    },
    write(data, position) {
      for (const { offset, width } of split(position, data.length))
        registers.write(offset, width, data.readUIntLE(offset - position, width));
      return data.length;
    },
  };
}

/**
 * Splits a range: a byte up to an even offset, a word up to a multiple of four, then words of four bytes, then the
 * rest.
 */
function* split(position: number, length: number): Generator<{ offset: number; width: 1 | 2 | 4 }> {
  let offset = position;
  let left = length;
  while (left > 0) {
    let width: 1 | 2 | 4 = left > 3 ? 4 : left > 1 ? 2 : 1;
    if (offset % 2 !== 0) width = 1;
    else if (offset % 4 !== 0 && width === 4) width = 2;
    yield { offset, width };
    offset += width;
    left -= width;
  }
}

/** Makes `resourceN`: memory can be mapped and not read, ports can be read and not mapped (on x86). */
function resourceAttribute(kernel: Kernel, fn: PciFunction, bar: PciBar, present: () => boolean): BinaryAttribute {
  const registers = kernel.log.of(fn.name, `bar${bar.index}`, fn.bar(bar));
  if (bar.io) return { size: bar.size, present, ...ports(registers) };
  return {
    size: bar.size,
    present,
    // pci_mmap_fits(); pci_mmap_resource_range() begins at the page that holds the BAR.
    mmap(length, offset) {
      if (offset + length > kernel.pages(bar.size)) throw new Errno('EINVAL');
      return from(registers, offset - (bar.address % kernel.pageSize));
    },
  };
}

/** pci_resource_io(): makes one inb, inw or inl, at any offset. */
function ports(registers: SimRegion): Pick<BinaryAttribute, 'read' | 'write'> {
  return {
    read(buffer, position) {
      const width = portWidth(buffer.length);
      buffer.writeUIntLE(Number(registers.read(position, width)), 0, width);
      return width;
    },
    write(data, position) {
      const width = portWidth(data.length);
      registers.write(position, width, data.readUIntLE(0, width));
      return width;
    },
  };
}

function portWidth(length: number): Width & (1 | 2 | 4) {
  if (length !== 1 && length !== 2 && length !== 4) throw new Errno('EINVAL');
  return length;
}
