import { AttributeReader } from '../sys/readers/attributes';
import type { SysTree } from '../sys/sys';

/** A machine, as far as figures depend on it. Null: it does not tell. */
export interface BenchMachine {
  name: string | null;
  /** Vendor and product of its firmware. */
  product: string | null;
  kernel: string | null;
  cpu: string | null;
  cpus: number | null;
  /** In bytes. */
  memory: number | null;
  /** IOMMUs by their names in /sys/class/iommu, and the domain types of the groups: `DMA-FQ`, `identity`. */
  iommus: string[];
  iommuModes: string[];
  /** Version of Node, which measured. */
  node: string;
}

/** The longest /proc/cpuinfo that is read: 1024 processors have less. */
const CPUINFO_LIMIT = 8 * 1024 * 1024;

/** Reads what tells machines apart whose figures are compared. Opens no device node. */
export function readBenchMachine(sys: SysTree): BenchMachine {
  const reader = new AttributeReader(sys);
  const dmi = ['sys_vendor', 'product_name'].flatMap((name) => reader.text(`/sys/class/dmi/id/${name}`) ?? []);
  const cpuinfo = reader.bytes('/proc/cpuinfo', CPUINFO_LIMIT)?.toString('latin1') ?? '';
  const cpus = cpuinfo.match(/^processor\s*:/gm)?.length ?? null;
  const groups = reader.names('/sys/kernel/iommu_groups');
  const modes = groups.flatMap((group) => reader.text(`/sys/kernel/iommu_groups/${group}/type`) ?? []);
  return {
    name: reader.text('/proc/sys/kernel/hostname'),
    product: dmi.length === 0 ? null : dmi.join(' '),
    kernel: reader.text('/proc/sys/kernel/osrelease'),
    cpu: /^(?:model name|Hardware|cpu model|uarch)\s*:\s*(.*\S)/m.exec(cpuinfo)?.[1] ?? null,
    cpus,
    memory: memoryOf(sys, 'MemTotal'),
    iommus: reader.names('/sys/class/iommu').sort(),
    iommuModes: [...new Set(modes)].sort(),
    node: process.version,
  };
}

/** Reads a figure of /proc/meminfo, in bytes; null where it is not there. @param name `MemAvailable` */
export function memoryOf(sys: SysTree, name: string): number | null {
  const text = new AttributeReader(sys).text('/proc/meminfo') ?? '';
  const line = text.split('\n').find((one) => one.startsWith(`${name}:`));
  const kilobytes = /:\s*(\d+) kB$/.exec(line ?? '')?.[1];
  return kilobytes === undefined ? null : Number(kilobytes) * 1024;
}
