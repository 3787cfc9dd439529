import { SysError, UdrvError } from '../../errors';
import type { Sys, SysTree } from '../../sys/sys';
import { serveSignals } from '../../sys/wait';
import type { VfioDevice } from '../device/device';
import { type IrqName, VFIO_IRQ_NAMES } from '../device/irq-set';
import type { DmaPool } from '../dma/buffer';
import { KernelLog } from '../dma/kernel-log';
import { unknownTier, wrongTier } from '../errors';
import { iommuHardware } from '../inspect/iommu-hardware';
import { eduTier } from './edu';
import { mappingChecks } from './generic';
import { nvmeTier } from './nvme';
import type { Check, CheckResult, DmaDevice, DmaDriver, DmaPort, DmaTier, Finding } from './tier';
import { Transfers } from './transfers';

/** The kinds of devices that udrv can have move data. */
export const DMA_TIERS: readonly DmaTier[] = [eduTier, nvmeTier];

export interface DmaTestOptions {
  /** `auto` (the device's own if there is one), `generic`, or the name of one of `tiers`. */
  tier?: string | undefined;
  tiers?: readonly DmaTier[] | undefined;
  /** Gets the name of each check before it runs. */
  onStart?: ((name: string) => void) | undefined;
  /** Gets each result as it is found. */
  onCheck?: ((result: CheckResult) => void) | undefined;
  /** Ends the test, once everything is put back. */
  signal?: AbortSignal | undefined;
}

/** The document of `udrv vfio dma-test --json`. */
export interface DmaTestReport {
  /** PCI address. */
  device: string;
  backend: 'group' | 'iommufd';
  /** The tier that was reached. */
  tier: string;
  checks: CheckResult[];
  /** Whether the device moved data that was seen to arrive in memory. */
  deviceDma: boolean;
  /** Whether the IOMMU kept the device from memory that it was not given; null where the checks did not decide it. */
  isolated: boolean | null;
}

/** Chooses the tier of a test of this device: null is `generic`. @throws usage, where it is not one for this device */
export function chooseTier(device: DmaDevice, name = 'auto', tiers: readonly DmaTier[] = DMA_TIERS): DmaTier | null {
  if (name === 'generic') return null;
  const fitting = tiers.find((tier) => tier.probe(device)) ?? null;
  if (name === 'auto') return fitting;
  const wanted = tiers.find((tier) => tier.name === name);
  if (wanted === undefined) throw unknownTier(name, ['auto', 'generic', ...tiers.map((tier) => tier.name)]);
  // Driving a device as another kind may do anything.
  if (!wanted.probe(device)) throw wrongTier(device.address, wanted.title, fitting?.name ?? 'generic');
  return wanted;
}

export function dmaDeviceOf({ info: { address, vendorId, deviceId, pci } }: Pick<VfioDevice, 'info'>): DmaDevice {
  return { address, vendorId, deviceId, class: pci.class };
}

/**
 * Tests what a device's DMA can reach, in tiers: first the kernel's refusals (any device), then the device's own
 * transfers (one that there is a {@link DmaTier} for). Everything is put back: mappings, bus mastering, interrupts,
 * and the device is left quiet.
 *
 * @returns also once `signal` aborts, with the findings until then
 */
export async function runDmaTest(sys: Sys, device: VfioDevice, options: DmaTestOptions = {}): Promise<DmaTestReport> {
  const { onStart, onCheck, signal = new AbortController().signal } = options;
  const identity = dmaDeviceOf(device);
  const tier = chooseTier(identity, options.tier, options.tiers);
  const report: DmaTestReport = {
    device: identity.address,
    backend: device.backend,
    tier: 'generic',
    checks: [],
    deviceDma: false,
    isolated: null,
  };
  const run = async (check: Check): Promise<CheckResult> => {
    // Most checks are calls that wait for nothing: all of them take seconds on a slow machine.
    await serveSignals();
    signal.throwIfAborted();
    onStart?.(check.name);
    const result = { name: check.name, ...(await finding(check, signal)) };
    report.checks.push(result);
    onCheck?.(result);
    return result;
  };
  try {
    for (const check of genericChecks(sys, device)) await run(check);
    if (device.iommu.kind === 'noiommu') {
      report.isolated = false;
      return report;
    }
    if (tier === null) return report;
    using pool = device.pool({ addressBits: tier.addressBits });
    await withDriver(device, portOf(sys, device, identity, pool), tier, signal, async (driver) => {
      report.tier = tier.name;
      for (const check of driver.checks) {
        const { verdict } = await run(check);
        if (check.isolation) report.isolated = withVerdict(report.isolated, verdict);
      }
      await runTransfers(driver, pool);
    });
    return report;
  } catch (error) {
    if (signal.aborted) return report;
    throw error;
  }

  async function runTransfers(driver: DmaDriver, pool: DmaPool): Promise<void> {
    const log = KernelLog.open(sys);
    try {
      const transfers = new Transfers({
        sys,
        address: identity.address,
        iommu: device.iommu,
        pool,
        driver,
        log,
        setBusMaster: (on) => device.setBusMaster(on),
        detach: device.detach,
        readsWhatItWrites: readsWhatItWrites(sys, identity.address),
      });
      for (const check of transfers.checks) {
        const { verdict } = await run(check);
        report.deviceDma = transfers.moved;
        if (check.isolation) report.isolated = withVerdict(report.isolated, verdict);
      }
    } finally {
      log.close();
    }
  }
}

/**
 * Runs a check. An error of the machine is a finding too, unless the device is gone or the test shall end: the check
 * failed; but where it is one of isolation, it did not find out whether the IOMMU holds.
 */
async function finding(check: Check, signal: AbortSignal): Promise<Finding> {
  try {
    const found = await check.run(signal);
    // An interrupt that nobody waited for any more is not missing.
    signal.throwIfAborted();
    return found;
  } catch (error) {
    // A call that failed is a finding, whatever its errno; an error with more to say tells that the device is gone.
    const ofMachine = error instanceof UdrvError && (error instanceof SysError || error.code !== 'ENODEV');
    if (signal.aborted || !ofMachine) throw error;
    const text = `${error.subject}: ${error.message} (${error.code})`;
    return { verdict: check.isolation ? 'inconclusive' : 'fail', detail: text };
  }
}

/** Adds a verdict: a failure outweighs everything, and one that decides nothing changes nothing. */
function withVerdict(isolated: boolean | null, verdict: Finding['verdict']): boolean | null {
  if (verdict === 'fail' || isolated === false) return false;
  return verdict === 'pass' ? true : isolated;
}

async function withDriver(
  device: VfioDevice,
  port: DmaPort,
  tier: DmaTier,
  signal: AbortSignal,
  work: (driver: DmaDriver) => Promise<void>,
): Promise<void> {
  const before = device.busMaster;
  device.setBusMaster(false);
  try {
    const driver = await tier.init(port, signal);
    try {
      await work(driver);
    } finally {
      await driver.remove();
    }
  } finally {
    device.setBusMaster(before);
  }
}

function portOf(sys: Sys, device: VfioDevice, identity: DmaDevice, pool: DmaPool): DmaPort {
  return {
    sys,
    device: identity,
    pool,
    region: (name) => device.region(name),
    setBusMaster: (on) => device.setBusMaster(on),
    interruptCount: (irq) => device.irq(irq).info.count,
    interrupt: (irq, vector) => device.eventfds(irq, { first: vector, last: vector }),
  };
}

function genericChecks(sys: Sys, device: VfioDevice): Check[] {
  const { iommu } = device;
  const mappings = iommu.kind === 'noiommu' ? [NO_IOMMU] : mappingChecks(sys, iommu);
  return [
    ...mappings,
    { name: 'bus-master', run: () => busMaster(device) },
    { name: 'loopback', run: (signal) => loopback(device, signal) },
  ];
}

const NO_IOMMU: Check = {
  name: 'isolation',
  run: () => ({ verdict: 'fail', detail: 'no IOMMU: device can reach all memory' }),
};

/** Checks that bus mastering goes on and off, as the configuration space shows it. */
function busMaster(device: VfioDevice): Finding {
  const before = device.busMaster;
  try {
    for (const on of [true, false]) {
      device.setBusMaster(on);
      if (device.busMaster !== on) return { verdict: 'fail', detail: `it does not go ${on ? 'on' : 'off'}` };
    }
  } finally {
    device.setBusMaster(before);
  }
  return { verdict: 'pass', detail: `goes on and off; was ${before ? 'on' : 'off'}` };
}

/** Has the kernel raise each kind of interrupt that the device has, and waits for it. */
async function loopback(device: VfioDevice, signal: AbortSignal): Promise<Finding> {
  const came: IrqName[] = [];
  const missing: IrqName[] = [];
  for (const irq of VFIO_IRQ_NAMES) {
    if (device.irq(irq).info.count === 0) continue;
    using eventfds = device.eventfds(irq, { first: 0, last: 0 }, { loopback: true });
    eventfds.trigger(0);
    const event = await eventfds.next({ timeoutMs: 1000, signal });
    signal.throwIfAborted();
    if (event?.irq === irq && event.count === 1) came.push(irq);
    else missing.push(irq);
  }
  if (missing.length > 0)
    return { verdict: 'fail', detail: `raised by the kernel, did not come: ${missing.join(', ')}` };
  if (came.length === 0) return { verdict: 'skip', detail: 'the device has no interrupts' };
  return { verdict: 'pass', detail: `raised by the kernel, came: ${came.join(', ')}` };
}

/**
 * Returns why a device can read whatever it may write, where the IOMMU's driver leaves it no other way, as of Linux 6.12: Intel's sets the bit that allows reading in
 * every entry of its page tables (__domain_mapping(), drivers/iommu/intel/iommu.c); Arm's of stage 1 and RISC-V's have no such entry.
 */
function readsWhatItWrites(sys: SysTree, address: string): string | undefined {
  const kind = iommuHardware(sys, address)?.kind ?? '';
  return /^(Intel|Arm|RISC-V)/.test(kind) ? `with Linux and ${kind}, what may be written may be read` : undefined;
}
