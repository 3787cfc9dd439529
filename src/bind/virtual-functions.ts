import { withLater } from '../cleanup';
import { Exit, fromSysError, SysError, UdrvError } from '../errors';
import { pciPath } from '../pci/paths';
import { readSriov } from '../pci/sriov';
import { AttributeReader } from '../sys/readers/attributes';
import type { Sys, SysTree } from '../sys/sys';
import { isVfioDriver } from '../vfio/inspect/drivers';
import { inUseError, permissionError } from './errors';
import { claimProbe, type IsClaimed } from './in-use/storage';
import type { Use } from './in-use/use';
import { findUses } from './in-use/uses';
import type { Write } from './plan';

/** Change of the number of virtual functions of a physical one. */
export interface VfPlan {
  /** The physical function. */
  address: string;
  /** Virtual functions that it has now. */
  from: readonly string[];
  count: number;
  /** Writes to sysfs, in order; none where it has that many already. */
  steps: readonly Write[];
  /** Remarks for a person. */
  notes: readonly string[];
}

export interface VfOptions {
  /** Also take away virtual functions that are in use; never those that a program drives. */
  force?: boolean | undefined;
  /** Whether the kernel gives new ones to drivers; undefined: as `sriov_drivers_autoprobe` is set. */
  probe?: boolean | undefined;
}

/** Whether vfio-pci makes virtual functions (drivers/vfio/pci/vfio_pci.c). */
const ENABLE_SRIOV = '/sys/module/vfio_pci/parameters/enable_sriov';

/** Drivers that are known to have no sriov_configure(): the kernel answers ENOENT. */
const WITHOUT_SRIOV = new Set(['uio_pci_generic', 'igb_uio', 'pci-stub', 'pciback']);

/**
 * Plans the writes that give a physical function this many virtual ones: Documentation/PCI/pci-iov-howto.rst. The kernel
 * changes a count by way of 0 alone, and with that takes all of them away (sriov_numvfs_store()).
 *
 * @throws UdrvError exit 2 for more than it can have, exit 5 where one of those that would go is in use or the physical
 *   function's network interface is up, exit 9 where the function or its driver can have none
 */
export function planVirtualFunctions(sys: Sys, address: string, count: number, options: VfOptions = {}): VfPlan {
  return planWith(sys, claimProbe(sys), address, count, options);
}

function planWith(sys: SysTree, isClaimed: IsClaimed, address: string, count: number, options: VfOptions): VfPlan {
  const { force = false, probe } = options;
  const reader = new AttributeReader(sys);
  const { totalVfs, virtualFunctions: from } = physicalFunction(sys, address);
  if (count > totalVfs)
    throw new UdrvError(`can have ${totalVfs} virtual functions at most, not ${count}`, {
      code: 'ERANGE',
      exit: Exit.usage,
      device: address,
    });
  if (count === from.length) return { address, from, count, steps: [], notes: [] };
  if (count > 0) mustHaveSriovDriver(reader, address);
  const uses = [...(from.length === 0 ? [] : usesOfVfs(sys, from, isClaimed)), ...liveInterfaces(sys, address)];
  const busy = uses.filter((use) => use.busy);
  if (busy.length > 0) throw inUseError(busy, 'EBUSY');
  if (uses.length > 0 && !force) throw inUseError(uses, 'EINUSE');
  const numvfs = pciPath(address, 'sriov_numvfs');
  const autoprobe = pciPath(address, 'sriov_drivers_autoprobe');
  const probes = reader.number(autoprobe) !== 0;
  const changesProbe = count > 0 && probe !== undefined && probe !== probes;
  const asText = (on: boolean) => (on ? '1' : '0');
  return {
    address,
    from,
    count,
    steps: [
      ...(from.length > 0 ? [{ path: numvfs, value: '0' }] : []),
      ...(changesProbe ? [{ path: autoprobe, value: asText(probe) }] : []),
      ...(count > 0 ? [{ path: numvfs, value: String(count) }] : []),
      ...(changesProbe ? [{ path: autoprobe, value: asText(probes) }] : []),
    ],
    notes: [
      ...uses.map((use) => `${use.address}: ${use.what}`),
      ...remarks(reader, address, count, probes || probe !== undefined),
    ],
  };
}

/** @throws UdrvError exit 9 for a function that can have no virtual ones */
export function physicalFunction(sys: SysTree, address: string): { totalVfs: number; virtualFunctions: string[] } {
  const sriov = readSriov(new AttributeReader(sys), address);
  if (sriov !== null && sriov.totalVfs !== null && sriov.totalVfs > 0)
    return { totalVfs: sriov.totalVfs, virtualFunctions: sriov.virtualFunctions };
  const parent = sriov?.physicalFunction ?? null;
  throw new UdrvError(
    parent !== null ? `is a virtual function itself, of ${parent}` : 'has no SR-IOV: it is no physical function',
    {
      code: 'EOPNOTSUPP',
      exit: Exit.unsupported,
      device: address,
      hint:
        parent !== null ? `udrv vfio vf ${parent} N` : 'some cards have SR-IOV off in their firmware or in its setup',
    },
  );
}

function mustHaveSriovDriver(reader: AttributeReader, address: string): void {
  const driver = reader.linkName(pciPath(address, 'driver'));
  if (driver === null)
    throw new UdrvError('has no driver, and virtual functions are made by it', {
      code: 'ENOENT',
      exit: Exit.unsupported,
      device: address,
      hint: `sudo udrv restore ${address}`,
    });
  if (WITHOUT_SRIOV.has(driver)) throw noSriovDriver(address, driver);
  if (driver === 'vfio-pci' && reader.text(ENABLE_SRIOV) === 'N') throw sriovIsOff(address);
}

function noSriovDriver(address: string, driver: string): UdrvError {
  return new UdrvError(`its driver, ${driver}, makes no virtual functions`, {
    code: 'ENOENT',
    exit: Exit.unsupported,
    device: address,
    hint: `the kernel's own driver may: sudo udrv restore ${address}`,
  });
}

function sriovIsOff(address: string): UdrvError {
  return new UdrvError('vfio-pci makes virtual functions only where it is told to', {
    code: 'ENOENT',
    exit: Exit.unsupported,
    device: address,
    hint: `echo Y | sudo tee ${ENABLE_SRIOV}`,
  });
}

function usesOfVfs(sys: SysTree, vfs: readonly string[], isClaimed: IsClaimed): Use[] {
  return findUses(sys, vfs, isClaimed).uses;
}

/** Finds interfaces of the physical function that are up: most drivers take them down for a moment. */
function liveInterfaces(sys: SysTree, address: string): Use[] {
  return findUses(sys, [address]).uses.filter(({ kind }) => kind === 'network');
}

function remarks(reader: AttributeReader, address: string, count: number, isExpected: boolean): string[] {
  if (count === 0) return [];
  if (isVfioDriver(reader.linkName(pciPath(address, 'driver'))))
    return [`${address}: it is bound to VFIO: its virtual functions are opened with a VF token (--vf-token)`];
  return isExpected
    ? []
    : [`${address}: the kernel gives its virtual functions to no driver (sriov_drivers_autoprobe is 0)`];
}

/** Makes sure that the caller may carry a plan out, so that one who may not hears of nothing else. @throws UdrvError exit 4 */
export function mustBePermitted(sys: Sys, { address, from, steps }: VfPlan): void {
  const path = pciPath(address, 'sriov_numvfs');
  if (steps.length === 0 || sys.access(path) === 'rw') return;
  try {
    // It fails, and says why: the kernel does nothing for the number that there is already.
    sys.writeFile(path, String(from.length));
  } catch (error) {
    if (!(error instanceof SysError)) throw error;
    throw permissionError(address, error);
  }
}

/**
 * Makes the writes of a plan. After a failure the former settings are written back; drivers that the virtual functions
 * had are for the kernel to choose.
 *
 * @param onWrite before each write, those that take back included
 * @throws UdrvError; settings that could not be written back go with it ({@link laterFailures})
 */
export function changeVirtualFunctions(sys: Sys, plan: VfPlan, onWrite: (write: Write) => void = () => {}): void {
  const { address, steps } = plan;
  const before = settingsOf(sys, address);
  const write = (step: Write) => {
    onWrite(step);
    sys.writeFile(step.path, step.value);
  };
  try {
    for (const step of steps) write(step);
  } catch (error) {
    if (!(error instanceof SysError)) throw error;
    throw withLater(writeFailed(sys, plan, error), putBack(sys, address, before, write));
  }
}

interface Settings {
  /** `sriov_drivers_autoprobe`; null where it cannot be read, or the kernel has none. */
  probe: string | null;
  count: number | null;
}

function settingsOf(sys: SysTree, address: string): Settings {
  const reader = new AttributeReader(sys);
  return {
    probe: reader.text(pciPath(address, 'sriov_drivers_autoprobe')),
    count: reader.number(pciPath(address, 'sriov_numvfs')),
  };
}

/** Writes settings back that are not as they were. @returns an error for each that is not so then */
function putBack(sys: Sys, address: string, before: Settings, write: (step: Write) => void): UdrvError[] {
  const now = settingsOf(sys, address);
  const numvfs = pciPath(address, 'sriov_numvfs');
  const undo = [
    // First, for the functions that come back are given to drivers by it.
    ...(before.probe !== now.probe && before.probe !== null
      ? [{ path: pciPath(address, 'sriov_drivers_autoprobe'), value: before.probe }]
      : []),
    ...(before.count !== now.count && now.count !== 0 ? [{ path: numvfs, value: '0' }] : []),
    ...(before.count !== now.count && before.count ? [{ path: numvfs, value: String(before.count) }] : []),
  ];
  for (const step of undo)
    try {
      write(step);
    } catch (failure) {
      // The others are tried, and the result is looked at.
      if (!(failure instanceof SysError)) throw failure;
    }
  const after = settingsOf(sys, address);
  return [
    ...(after.count === before.count
      ? []
      : [notPutBack(address, `it has ${after.count} virtual functions instead of ${before.count}`)]),
    ...(after.probe === before.probe
      ? []
      : [notPutBack(address, `sriov_drivers_autoprobe is ${after.probe} instead of ${before.probe}`)]),
  ];
}

function notPutBack(address: string, what: string): UdrvError {
  return new UdrvError(`could not be put back: ${what}`, { code: 'EIO', exit: Exit.failed, device: address });
}

/** sriov_numvfs_store(), pci_enable_sriov(). */
function writeFailed(sys: SysTree, { address, count }: VfPlan, error: SysError): UdrvError {
  const driver = new AttributeReader(sys).linkName(pciPath(address, 'driver'));
  const log = `the kernel's log may say why: sudo dmesg | grep ${address}`;
  switch (error.code) {
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return permissionError(address, error);
    case 'ENOENT':
      return driver === 'vfio-pci' ? sriovIsOff(address) : noSriovDriver(address, driver ?? 'none');
    case 'EBUSY':
      return fromSysError(error, {
        device: address,
        exit: Exit.busy,
        message: 'somebody else has changed the number of its virtual functions, or the driver is busy',
      });
    case 'ENOMEM':
    case 'ENOSPC':
    case 'EINVAL':
      return fromSysError(error, {
        device: address,
        exit: Exit.failed,
        message: `the kernel could not make ${count} virtual functions: there may be no room for their addresses or bus numbers`,
        hint: `${log}; booting with pci=realloc makes room`,
      });
    default:
      return fromSysError(error, { device: address, exit: Exit.failed, hint: log });
  }
}
