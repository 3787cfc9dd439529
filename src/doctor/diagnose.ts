import { inspectPci } from '../devices/pci-functions';
import { findDevice } from '../devices/select';
import { usageError } from '../errors';
import type { DeviceInfo } from '../model/device';
import { NO_NAMES } from '../names/database';
import { pciPath } from '../pci/paths';
import type { SysTree } from '../sys/sys';
import { inspectUio } from '../uio/inspect';
import { PLATFORM_DEVICES } from '../uio/platform';
import { isVfioDriver } from '../vfio/inspect/drivers';
import type { Check, Finding, Need, PlatformDevice, Purpose, ReadConfig, Severity, Subject } from './check';
import {
  functionChecks,
  machineChecks,
  pciForUioChecks,
  platformChecks,
  platformForVfioChecks,
  uioChecks,
  usbChecks,
} from './checks';
import { Evidence, Undecided } from './evidence';
import { functionOf } from './function-of';

/** A check that could not be decided. */
export interface Unknown {
  /** The matter: `interrupt remapping`. */
  about: string;
  /** The file that is missing or closed, and why. */
  reason: string;
}

/** A diagnosis: of a machine, or of one device in it. */
export interface Diagnosis {
  /** Address, and the name of its framework or bus; null for the machine. */
  device: { address: string; framework: DeviceInfo['framework'] | 'platform' } | null;
  /** The framework that it shall be reached through; null: any. */
  purpose: Purpose | null;
  /** Worst first; among equals the one first that is first in the way. */
  findings: Finding[];
  unknown: Unknown[];
  /** The matters that were looked into and decided. */
  checked: string[];
}

export interface DiagnoseOptions {
  purpose?: Purpose | undefined;
  need?: Partial<Need> | undefined;
  /** Reads the messages of the kernel, oldest first, where a check wants them; without it none are looked for. */
  log?: (() => readonly string[]) | undefined;
  /** Without it nothing is concluded from registers. */
  config?: ReadConfig | undefined;
}

/**
 * Finds what stands between the calling user and the use of a machine, or of one device in it. Opens no node.
 *
 * @param selector of a device, as {@link findDevice} takes it, or the name of a platform device; undefined: the machine
 * @throws UdrvError exit 3 where there is no such device, 2 where it is none of the purpose's framework
 */
export function diagnose(sys: SysTree, selector: string | undefined, options: DiagnoseOptions = {}): Diagnosis {
  const tree = new Evidence(sys);
  const need: Need = { memory: null, transfers: null, ...options.need };
  const common = { tree, need, log: once(options.log ?? (() => [])), config: options.config ?? (() => null) };
  if (selector === undefined) {
    const { purpose = null } = options;
    const lists = purpose === null ? Object.values(machineChecks) : [machineChecks[purpose]];
    return { device: null, purpose, ...examine([...new Set(lists.flat())], { ...common, device: null }) };
  }
  const { device, purpose } = chooseDevice(sys, find(sys, selector), options.purpose, selector);
  const shown = { address: device.address, framework: device.framework };
  return { device: shown, purpose, ...run() };

  function run(): Findings {
    switch (device.framework) {
      case 'platform':
        return examine(purpose === 'vfio' ? platformForVfioChecks : platformChecks, { ...common, device });
      case 'uio':
        return examine(uioChecks, { ...common, device });
      case 'usb':
        return examine(usbChecks, { ...common, device });
      default:
        return examine(purpose === 'uio' ? pciForUioChecks : functionChecks, { ...common, device });
    }
  }
}

/** Asks once, and only if it is wanted. */
function once<T>(ask: () => T): () => T {
  let known: { answer: T } | undefined;
  return () => {
    known ??= { answer: ask() };
    return known.answer;
  };
}

function find(sys: SysTree, selector: string): DeviceInfo | PlatformDevice {
  // A platform device without a UIO device is no device to any other command.
  const isName = !/[/\0]|^\.*$/.test(selector);
  try {
    return findDevice(sys, NO_NAMES, selector);
  } catch (error) {
    if (isName && sys.access(`${PLATFORM_DEVICES}/${selector}`) !== null)
      return { framework: 'platform', address: selector };
    throw error;
  }
}

/** Chooses the device in the framework that is meant: a UIO device for VFIO is the function behind it, and vice versa. */
function chooseDevice(
  sys: SysTree,
  found: DeviceInfo | PlatformDevice,
  wanted: Purpose | undefined,
  selector: string,
): { device: DeviceInfo | PlatformDevice; purpose: Purpose } {
  const refuse = () => usageError(selector, `is no device for ${wanted?.toUpperCase()}`, 'leave --for out');
  if (found.framework === 'usb') {
    if (wanted !== undefined && wanted !== 'usb') throw refuse();
    return { device: found, purpose: 'usb' };
  }
  if (wanted === 'usb') throw refuse();
  if (found.framework === 'platform') return { device: found, purpose: wanted ?? platformPurpose(sys, found) };
  if (found.framework === 'uio') {
    const address = functionOf(found);
    if (wanted !== 'vfio') return { device: found, purpose: 'uio' };
    const { parentBus, parentDevice } = found.uio;
    if (parentBus === 'platform' && parentDevice !== null)
      return { device: { framework: 'platform', address: parentDevice }, purpose: 'vfio' };
    const behind = address === null ? null : inspectPci(sys, NO_NAMES, address);
    if (behind === null) throw refuse();
    return { device: behind, purpose: 'vfio' };
  }
  if (wanted === 'vfio') return { device: found, purpose: 'vfio' };
  const name = new Evidence(sys).names(`${pciPath(found.address)}/uio`)[0];
  const uio = name === undefined ? null : inspectUio(sys, name);
  if (uio !== null) return { device: uio, purpose: 'uio' };
  return { device: found, purpose: wanted ?? 'vfio' };
}

/** A device that VFIO has is meant for it; all others are for UIO first. */
function platformPurpose(sys: SysTree, { address }: PlatformDevice): Purpose {
  const driver = new Evidence(sys).linkName(`${PLATFORM_DEVICES}/${address}/driver`);
  return isVfioDriver(driver) ? 'vfio' : 'uio';
}

type Findings = Pick<Diagnosis, 'findings' | 'unknown' | 'checked'>;

const WORST_FIRST: readonly Severity[] = ['blocks', 'limits', 'note'];

function examine<S extends Subject>(checks: readonly Check<S>[], subject: S): Findings {
  const findings: Finding[] = [];
  const unknown: Unknown[] = [];
  const checked = new Set<string>();
  for (const check of checks)
    try {
      for (const finding of check.run(subject)) findings.push(finding);
      checked.add(check.about);
    } catch (error) {
      if (!(error instanceof Undecided)) throw error;
      unknown.push({ about: check.about, reason: error.message });
    }
  findings.sort((a, b) => WORST_FIRST.indexOf(a.severity) - WORST_FIRST.indexOf(b.severity));
  return { findings, unknown, checked: [...checked] };
}
