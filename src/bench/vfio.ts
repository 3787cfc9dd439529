import { locationsOf } from '../model/action';
import type { Region, VfioDeviceInfo } from '../model/device';
import { type Location, prepareRead } from '../model/location';
import type { Sys } from '../sys/sys';
import { sizeText } from '../text/size';
import { VfioDevice } from '../vfio/device/device';
import type { IrqName } from '../vfio/device/irq-set';
import { type MapLatencies, type MapTarget, measureMappings } from '../vfio/dma/map-latency';
import { type Bounds, figureOf, measured, type OnResult, timeEach, timeOpens, type Variant, within } from './figure';
import { deviceActions, NO_TRIGGER, timeInterrupts } from './interrupts';
import { memoryOf } from './machine';
import { type DeviceWork, isMappable, locationText, NO_REGISTER } from './work';

const BACKENDS = ['group', 'iommufd'] as const;
type Backend = (typeof BACKENDS)[number];

const INTERRUPTS: readonly IrqName[] = ['intx', 'msi', 'msix'];

const HUGE_PAGE = 2 ** 21;
/** Bytes of mappings: a page, and up to the largest pages of IOMMUs. */
const SIZES = [2 ** 12, 2 ** 16, 2 ** 21, 2 ** 26, 2 ** 30];
/** The largest mapping where the machine does not tell how much memory it has. */
const SAFE_SIZE = 2 ** 26;

/** Most opens and resets: each takes up to a second. */
const OPENS = 10;
const RESETS = 5;

/** Lists what {@link benchVfio} does to a device. */
export function vfioSteps({ address }: VfioDeviceInfo, { registers, trigger, maxSize }: DeviceWork): string[] {
  return [
    `${address}: open and close it up to ${OPENS} times by group and by iommufd, which resets it each time`,
    `${address}: reset it up to ${RESETS} times`,
    ...registers.map((register) => `${address}: read ${locationText(register)}`),
    `${address}: have the kernel signal INTx, MSI and MSI-X without the device`,
    ...(trigger.length === 0 ? [] : [`${address}: have it raise INTx, MSI and MSI-X, with bus mastering on`]),
    `${address}: map up to ${sizeText(maxSize)} of memory for its DMA, and unmap it`,
  ];
}

/** Measures a device by each backend. Each open resets it; {@link vfioSteps} says what else is done. */
export async function benchVfio(
  sys: Sys,
  info: VfioDeviceInfo,
  work: DeviceWork,
  bounds: Bounds,
  onResult: OnResult,
): Promise<void> {
  let isFirst = true;
  for (const backend of BACKENDS) {
    const reason = absent(sys, info, backend);
    if (reason !== null) onResult({ figure: 'open', variant: { backend }, reason });
    const open = (mmap = false) => VfioDevice.open(sys, info, { backend, mmap });
    const opens = { ...bounds, count: Math.min(bounds.count, OPENS) };
    const times = () => timeOpens({ backend }, open, opens);
    if (reason !== null || !(await measured(onResult, bounds, 'open', { backend }, times))) continue;
    // Registers and interrupts are the same by any backend.
    if (isFirst) await benchFunction(open, work, bounds, onResult);
    isFirst = false;
    if (bounds.signal.aborted) return;
    using device = open();
    for (const size of SIZES) {
      await benchMapping(sys, device, { backend, size, pages: sizeText(sys.pageSize) }, work, bounds, onResult);
      if (size < HUGE_PAGE) continue;
      const target = { pool: () => device.pool({ hugePage: HUGE_PAGE }) };
      await benchMapping(sys, target, { backend, size, pages: sizeText(HUGE_PAGE) }, work, bounds, onResult);
    }
  }
}

/** Returns why a device cannot be opened by a backend; null where it can. */
function absent(sys: Sys, { vfio }: VfioDeviceInfo, backend: Backend): string | null {
  if (backend === 'group') return vfio.group === null ? 'the device has no group' : null;
  if (sys.access('/dev/iommu') === null) return 'there is no /dev/iommu';
  return vfio.cdev === null ? 'the device has no node in /dev/vfio/devices' : null;
}

async function benchFunction(
  open: (mmap?: boolean) => VfioDevice,
  work: DeviceWork,
  bounds: Bounds,
  onResult: OnResult,
): Promise<void> {
  const { registers, trigger, acknowledge } = work;
  let regions: readonly Region[];
  {
    using device = open();
    regions = device.regions;
    await benchReset(device, bounds, onResult);
    const config = device.region('config').reader(0, 2);
    const variant = { register: 'config:0x0/2', by: 'pread' } as const;
    await measured(onResult, bounds, 'read', variant, () => timeEach('read', variant, config, bounds));
    await benchRegisters(device, 'pread', registers, bounds, onResult);
    for (const irq of INTERRUPTS) {
      const raised: Variant = { irq, by: 'kernel' };
      await measured(onResult, bounds, 'interrupt', raised, async () => {
        const source = device.eventfds(irq, { first: 0, last: 0 }, { loopback: true });
        return await timeInterrupts(raised, source, { trigger: () => source.trigger(0) }, bounds);
      });
    }
  }
  if (bounds.signal.aborted) return;
  if (registers.length === 0) onResult({ figure: 'read', variant: { by: 'mmap' }, reason: NO_REGISTER });
  const mapped = registers.filter((register) => isMappable([register], regions));
  for (const register of registers.filter((one) => !mapped.includes(one))) {
    const variant = { register: locationText(register), by: 'mmap' } as const;
    onResult({ figure: 'read', variant, reason: `${register.region} cannot be mapped` });
  }
  if (mapped.length > 0) {
    using device = open(true);
    await benchRegisters(device, 'mmap', mapped, bounds, onResult);
  }
  const isFast = isMappable([...trigger, ...acknowledge].flatMap(locationsOf), regions);
  await benchInterrupts(() => open(isFast), work, bounds, onResult);
}

async function benchReset(device: VfioDevice, bounds: Bounds, onResult: OnResult): Promise<void> {
  const resets = { ...bounds, count: Math.min(bounds.count, RESETS) };
  await measured(onResult, bounds, 'reset', {}, () => timeEach('reset', {}, () => device.reset(), resets));
}

async function benchRegisters(
  device: VfioDevice,
  by: 'pread' | 'mmap',
  registers: readonly Location[],
  bounds: Bounds,
  onResult: OnResult,
): Promise<void> {
  for (const register of registers) {
    const variant = { register: locationText(register), by };
    const read = () => timeEach('read', variant, prepareRead(register, device), bounds);
    await measured(onResult, bounds, 'read', variant, read);
  }
}

/** Has the device itself raise each of its interrupts. */
async function benchInterrupts(
  open: () => VfioDevice,
  work: DeviceWork,
  bounds: Bounds,
  onResult: OnResult,
): Promise<void> {
  if (work.trigger.length === 0) {
    for (const irq of INTERRUPTS) onResult({ figure: 'interrupt', variant: { irq, by: 'device' }, reason: NO_TRIGGER });
    return;
  }
  for (const irq of INTERRUPTS) {
    const variant = { irq, by: 'device' } as const;
    await measured(onResult, bounds, 'interrupt', variant, async () => {
      // Opened for each: one that was not silenced must not disturb the next.
      using device = open();
      const actions = deviceActions(work, device);
      return await timeInterrupts(variant, device.eventfds(irq), actions, bounds);
    });
  }
}

async function benchMapping(
  sys: Sys,
  target: MapTarget,
  variant: Variant & { size: number },
  { maxSize }: DeviceWork,
  bounds: Bounds,
  onResult: OnResult,
): Promise<void> {
  const { size } = variant;
  const reason = tooLarge(sys, size, maxSize);
  if (reason !== null) {
    onResult({ figure: 'map', variant, reason });
    return;
  }
  await measured(onResult, bounds, 'map', variant, async () => {
    let latencies: MapLatencies | undefined;
    const onMapped = (result: MapLatencies) => {
      latencies = result;
    };
    await measureMappings(target, { size, count: bounds.count, ...within(bounds), onResult: onMapped });
    if (latencies === undefined) return [];
    const { map, unmap } = latencies;
    return [figureOf('map', variant, map, map.sum / 1e6), figureOf('unmap', variant, unmap, unmap.sum / 1e6)];
  });
}

/** Returns why so much memory is not mapped; null where it can be tried. */
function tooLarge(sys: Sys, size: number, maxSize: number): string | null {
  if (size > maxSize) return `more than --max-size, ${sizeText(maxSize)}`;
  const available = memoryOf(sys, 'MemAvailable');
  if (available === null) return size > SAFE_SIZE ? 'the machine does not tell how much memory is available' : null;
  const half = Math.floor(available / 2 / 2 ** 20);
  return size > available / 2 ? `more than half of the memory that is available, ${half}M` : null;
}
