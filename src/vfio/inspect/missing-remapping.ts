import { AttributeReader } from '../../sys/readers/attributes';
import type { SysTree } from '../../sys/sys';
import { iommuHardware } from './iommu-hardware';
import { IOMMU_WORDS } from './missing-group';
import { isVirtualMachine } from './virtual-machine';

/** Modules whose parameter `allow_unsafe_interrupts` lets a device without interrupt remapping through. */
export type UnsafeModule = 'vfio_iommu_type1' | 'iommufd';

/** It grows with the number of processors: thousands of them fit. */
const MAX_INTERRUPTS_BYTES = 16 * 1024 * 1024;

/**
 * Tells whether interrupts are remapped, so that a device cannot forge them: on x86 the names of the controllers in
 * /proc/interrupts then begin with `IR-` (arch/x86/kernel/apic, drivers/iommu/{intel,amd}).
 *
 * @returns null where that cannot be told
 */
export function remapsInterrupts(reader: AttributeReader): boolean | null {
  const controllers = reader.bytes('/proc/interrupts', MAX_INTERRUPTS_BYTES)?.toString('latin1') ?? '';
  if (/\sIR-(?:IO-APIC|PCI-MSI)/.test(controllers)) return true;
  return /\s(?:IO-APIC|PCI-MSI)/.test(controllers) ? false : null;
}

/**
 * Finds out why a device was not permitted its IOMMU: EPERM comes from vfio_iommu_type1_attach_group() and
 * iommufd_device_bind() where interrupts are not remapped, and from IOMMU drivers for reasons of their own.
 *
 * @param module the one that refused
 */
export function whyNotPermitted(
  sys: SysTree,
  address: string,
  module: UnsafeModule,
): { message: string; hint: string } {
  const reader = new AttributeReader(sys);
  const parameter = `/sys/module/${module}/parameters/allow_unsafe_interrupts`;
  const remaps = remapsInterrupts(reader);
  const log = `sudo dmesg | grep -i -e vfio ${IOMMU_WORDS}`;
  if (remaps === true || reader.text(parameter) === 'Y')
    return {
      message: 'the IOMMU driver does not permit it, and not for lack of interrupt remapping',
      hint: `the kernel's log may say why: ${log}`,
    };
  if (remaps === null)
    return {
      message: 'not permitted: interrupts are not remapped, or the IOMMU driver has a reason of its own',
      hint: `the kernel's log tells which: ${log}`,
    };
  return {
    message: 'the platform does not remap interrupts, so the device could forge them',
    hint: `${remappingRemedy(sys, reader, address)}; to go without, at the risk that the device forges interrupts and so disturbs or takes over this machine: echo 1 | sudo tee ${parameter}`,
  };
}

/** Returns the words of the kernel's command line that switch interrupt remapping off. */
export function remappingSwitchedOff(reader: AttributeReader): string[] {
  return (reader.text('/proc/cmdline') ?? '').split(/\s+/).filter((word) => /^intremap=.*off|^nointremap$/.test(word));
}

/** Returns the way to have interrupts remapped, in words. @param address of a function behind the IOMMU */
export function remappingRemedy(sys: SysTree, reader: AttributeReader, address: string): string {
  const off = remappingSwitchedOff(reader);
  if (off.length > 0) return `boot without ${off.join(' ')}`;
  const kind = iommuHardware(sys, address)?.kind ?? null;
  if (kind === 'virtio-iommu')
    return 'virtio-iommu remaps no interrupts: give the virtual machine another IOMMU, as QEMU does with -device intel-iommu,intremap=on -machine kernel-irqchip=split';
  if (!isVirtualMachine(reader)) return 'switch interrupt remapping on in the firmware, and boot without intremap=off';
  const device = kind === 'AMD-Vi' ? 'amd-iommu' : 'intel-iommu';
  return `switch interrupt remapping on in the hypervisor, as QEMU does with -device ${device},intremap=on -machine kernel-irqchip=split`;
}
