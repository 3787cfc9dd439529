import type { AttributeReader } from '../../sys/readers/attributes';

/** It grows with the number of processors: thousands of them fit. */
const MAX_CPUINFO_BYTES = 16 * 1024 * 1024;

/** Makers of virtual machines, as their firmware names them to SMBIOS. */
const MAKERS = /^(?:QEMU|KVM|VMware|Xen|innotek GmbH|Parallels|Bochs|Amazon EC2|Google|OpenStack)/;

/** Tells whether the machine is a virtual one: by CPUID leaf 1, ECX bit 31, or by the maker that its firmware names. */
export function isVirtualMachine(reader: AttributeReader): boolean {
  const cpu = reader.bytes('/proc/cpuinfo', MAX_CPUINFO_BYTES)?.toString('latin1') ?? '';
  if (/ hypervisor\b/.test(/^flags\s*:.*$/m.exec(cpu)?.[0] ?? '')) return true;
  return MAKERS.test(reader.text('/sys/class/dmi/id/sys_vendor') ?? '');
}
