import type { Region } from '../../model/device';
import { hex } from '../../text/hex';
import { sizeText } from '../../text/size';
import type { VfioDevice } from '../../vfio/device/device';
import type { IrqInfo } from '../../vfio/device/irq-set';
import type { IommuInfo } from '../../vfio/dma/iommu';
import { findVfio, type OpenChoice, openVfio } from '../devices/vfio';
import type { InfoDocument } from '../documents/devices';
import type { VerbSpec } from '../program/command';
import type { Context } from '../program/context';
import { argument, openOptions } from '../program/options';
import { interruptible } from '../program/signals';
import { type Fact, factTable, visibleRow } from '../tables/facts';
import { table } from '../tables/table';

export const command: VerbSpec = {
  description: 'what the kernel tells of a device once it is open: regions, interrupts, IOVA ranges, features',
  arguments: [argument('<device>')],
  options: [...openOptions()],
  does: ['open'],
  examples: ['vfio info 0000:00:03.0', '--json vfio info 0000:00:03.0 --backend group'],
  run: info,
};

/** Bytes of the configuration space that a function without PCI Express has. */
const CONVENTIONAL_CONFIG = 256;

async function info(context: Context, selector: string, { backend, vfToken }: OpenChoice): Promise<number | undefined> {
  const found = findVfio(context, selector);
  return interruptible(() => {
    using device = openVfio(context, found, { backend, vfToken });
    const info = inquire(device);
    if (context.options.json) context.printJson(info);
    else context.stdout.write(text(info, context));
  });
}

function inquire(device: VfioDevice): InfoDocument {
  return {
    address: device.info.address,
    backend: device.backend,
    flags: device.flags,
    regions: device.regions.map((region) => ({ ...region, sparse: region.sparse ?? [] })),
    interrupts: device.irqs.map((irq) => irq.info).filter((irq) => irq.count > 0),
    iommu: { kind: device.iommu.kind, ...iommuJson(device.iommu.info()), objects: device.iommu.objects() },
    features: device.features(),
    hotReset: device.hotReset(),
  };
}

function iommuJson({ pageSizes, ranges, dmaAvail }: IommuInfo): Omit<InfoDocument['iommu'], 'kind' | 'objects'> {
  return {
    pageSizes: pageSizes.map(hex),
    iovaRanges: ranges.map(({ start, end }) => ({ start: hex(start), end: hex(end) })),
    dmaAvail,
  };
}

function text(info: InfoDocument, { style, width }: Context): string {
  const { address, backend, flags, regions, interrupts, iommu, features, hotReset } = info;
  const facts: Fact[] = [
    ['backend', backend === 'group' ? `group, ${iommu.kind}` : backend],
    ['flags', flags.join(' ')],
    ['reset', flags.includes('reset') ? 'by itself' : 'not by itself'],
    [
      'hot reset',
      hotReset === null ? 'none: its bus cannot be reset' : `with ${hotReset.map((d) => d.address).join(', ')}`,
    ],
    ['page sizes', iommu.pageSizes.map((size) => sizeText(BigInt(size))).join(' ') || 'none: no IOMMU'],
    ['iova', iommu.iovaRanges.map(({ start, end }) => `${start}-${end}`).join(', ') || 'none'],
    ['mappings left', iommu.dmaAvail === null ? 'no limit reported' : String(iommu.dmaAvail)],
    ...(iommu.objects.length === 0 ? [] : [['iommufd makes', iommu.objects.join(' ')] satisfies Fact]),
    ['features', features.join(' ') || 'none'],
  ];
  const regionRows = regions.map((region) => [
    region.name,
    String(region.index),
    region.kind,
    region.address ?? '-',
    sizeText(region.size),
    `${region.read ? 'r' : ''}${region.write ? 'w' : ''}${region.mmap ? ' mmap' : ''}`,
    notes(region),
  ]);
  const irqNotes = interrupts.map((irq) => interruptNote(irq, regions));
  const hasNotes = irqNotes.some((note) => note !== null);
  const irqRows = interrupts.map((irq, i) => [
    irq.name,
    String(irq.index),
    String(irq.count),
    (['eventfd', 'maskable', 'automasked', 'noresize'] as const).filter((flag) => irq[flag]).join(' '),
    ...(hasNotes ? [irqNotes[i] ?? ''] : []),
  ]);
  const layout = { style, width, wrap: true };
  const titled = (titles: string[], rows: string[][]) =>
    `\n${table(rows.map(visibleRow), { ...layout, columns: titles.map((title) => ({ title })), headings: true })}`;
  return [
    `${style.heading(address)}\n`,
    factTable(facts, layout),
    titled(['REGION', 'INDEX', 'KIND', 'ADDRESS', 'SIZE', 'ACCESS', 'NOTE'], regionRows),
    titled(['INTERRUPT', 'INDEX', 'VECTORS', 'FLAGS', ...(hasNotes ? ['NOTE'] : [])], irqRows),
  ].join('');
}

/**
 * Returns what is to be known of an interrupt, null for nothing. Kernels since 7.3 offer ERR on conventional functions too,
 * and there is nothing there to signal it (vfio_pci_core.c).
 */
export function interruptNote({ name }: IrqInfo, regions: readonly Region[]): string | null {
  const config = regions.find((region) => region.name === 'config');
  const conventional = config !== undefined && config.size <= CONVENTIONAL_CONFIG;
  return name === 'err' && conventional ? 'never signalled: errors are reported by PCI Express functions' : null;
}

function notes({ sparse, type, msixMappable }: InfoDocument['regions'][number]): string {
  const areas = sparse.map(({ offset, size }) => `${hex(offset)}+${hex(size)}`);
  return [
    ...(areas.length > 0 ? [`mappable: ${areas.join(' ')}`] : []),
    ...(msixMappable ? ['MSI-X table mappable'] : []),
    ...(type === null ? [] : [`type ${hex(type.type)}, subtype ${hex(type.subtype)}`]),
  ].join('; ');
}
