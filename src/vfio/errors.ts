/**
 * The errors of VFIO, in a user's words. A state that keeps a request from working has its name (`notViable`, `inUse`);
 * a system call that failed is `...Failed`, and takes the errno that the kernel gave.
 */

import { Exit, type ExitCode, errnoMessage, fromSysError, SysError, UdrvError, usageError } from '../errors';
import type { VfioDeviceInfo } from '../model/device';
import { pciPath } from '../pci/paths';
import { AttributeReader } from '../sys/readers/attributes';
import type { SysTree, Width } from '../sys/sys';
import { hex } from '../text/hex';
import type { VFIO_PCI_IRQS } from '../uapi/vfio';
import { holdersOf, namesOf } from './inspect/holders';
import { whyNoGroup } from './inspect/missing-group';
import { type UnsafeModule, whyNotPermitted } from './inspect/missing-remapping';
import { firmwareRequirement, reservedRegions } from './inspect/reserved-regions';

interface Details {
  code: string;
  exit: ExitCode;
  hint?: string | undefined;
  /** Part of the device: a region, a range of addresses. */
  part?: string | undefined;
}

function deviceError(device: string, message: string, { code, exit, hint, part }: Details): UdrvError {
  return new UdrvError(message, { code, exit, hint, subject: subjectOf(device, part), device });
}

/** Explains a system call on the device; an error of another kind stays as it is. */
function callFailed(device: string, error: unknown, details: Partial<Details> & { message?: string } = {}): unknown {
  if (!(error instanceof SysError)) return error;
  const { message, exit, hint, part } = details;
  return fromSysError(error, {
    subject: subjectOf(device, part),
    device,
    hint,
    ...(message !== undefined && { message }),
    ...(exit !== undefined && { exit }),
  });
}

function subjectOf(device: string, part: string | undefined): string {
  return part === undefined ? device : `${device} ${part}`;
}

// Opening

/** A function in no IOMMU group, with the reason: an IOMMU that is off in the firmware is mended otherwise than in the kernel. */
export function noGroup(sys: SysTree, device: string): UdrvError {
  const { message, hint } = whyNoGroup(sys);
  return deviceError(device, `belongs to no IOMMU group: ${message}`, { code: 'ENODEV', exit: Exit.unsupported, hint });
}

/** @param noiommu of a group that VFIO made up */
export function noCdev({ address }: VfioDeviceInfo, noiommu: boolean): UdrvError {
  if (noiommu)
    return deviceError(address, 'has no IOMMU, which iommufd needs', {
      code: 'ENODEV',
      exit: Exit.unsupported,
      hint: 'VFIO does without one here (enable_unsafe_noiommu_mode): use --backend group',
    });
  return deviceError(address, 'has no character device of its own, which iommufd needs', {
    code: 'ENODEV',
    exit: Exit.unsupported,
    hint: 'this kernel has only groups (CONFIG_VFIO_DEVICE_CDEV): use --backend group',
  });
}

/** A group with a member that a kernel driver has: it opens, but cannot be used. */
export function notViable({ address, driver, vfio }: VfioDeviceInfo): UdrvError {
  const blockers = vfio.blockers.length > 0 ? `: blocked by ${vfio.blockers.join(', ')}` : '';
  return deviceError(address, `its group, ${vfio.group}, is not viable${blockers}`, {
    code: 'EPERM',
    exit: Exit.busy,
    // It changes nothing, and has looked into what the others are used for.
    hint: `sudo udrv bind ${address} ${driver} tells what mends it`,
  });
}

/** A group or device that is open already: it has one opener at a time, by whichever backend. */
export function inUse(sys: SysTree, device: VfioDeviceInfo): UdrvError {
  const { others, own, complete } = holdersOf(sys, device);
  const unseen = !complete
    ? 'by a process of another user'
    : own
      ? 'by this process itself'
      : 'no process is seen to have it open';
  return deviceError(device.address, `in use: ${others.length > 0 ? namesOf(others) : unseen}`, {
    code: 'EBUSY',
    exit: Exit.busy,
    hint: `${others.length > 0 || complete ? '' : 'sudo '}udrv vfio groups shows the processes`,
  });
}

export function otherApiVersion(device: string): UdrvError {
  return deviceError(device, 'this kernel has another version of the VFIO API', {
    code: 'EPROTO',
    exit: Exit.unsupported,
  });
}

export function notPci(device: string): UdrvError {
  return deviceError(device, 'not a PCI device: udrv drives no others through VFIO', {
    code: 'EOPNOTSUPP',
    exit: Exit.unsupported,
  });
}

/** open(2) of a node: the container, the group, the cdev or the iommufd. */
export function openFailed(sys: SysTree, device: VfioDeviceInfo, error: unknown): unknown {
  if (!(error instanceof SysError)) return error;
  const { address } = device;
  const { code, path } = error;
  switch (code) {
    case 'EACCES':
      return fromSysError(error, {
        device: address,
        hint: `run as root, or: sudo chown "$USER" ${path}  (for good, a udev rule: see PERMISSIONS in udrv-vfio(1))`,
      });
    case 'EPERM':
      return fromSysError(error, {
        device: address,
        message: path.includes('noiommu') ? 'without an IOMMU only root may open it' : 'not permitted',
        hint: path.includes('noiommu')
          ? 'it takes CAP_SYS_RAWIO: run this command with sudo'
          : 'a container must be given the device: --device or a cgroup rule',
      });
    case 'ENOENT':
      return fromSysError(error, {
        device: address,
        message: 'the node is missing',
        hint:
          path === '/dev/iommu'
            ? 'sudo modprobe iommufd, or use --backend group'
            : path === '/dev/vfio/vfio'
              ? 'sudo modprobe vfio-pci'
              : 'in a container, pass the node in; else: sudo udevadm trigger',
      });
    case 'ENODEV':
    case 'ENXIO':
      return fromSysError(error, { device: address, message: 'the device went away', exit: Exit.gone });
    case 'EBUSY':
      return inUse(sys, device);
    default:
      return fromSysError(error, { device: address });
  }
}

/** VFIO_GROUP_SET_CONTAINER. */
export function setContainerFailed(sys: SysTree, device: VfioDeviceInfo, error: unknown): unknown {
  // A driver may have come since the status was asked for.
  if (error instanceof SysError && error.code === 'EPERM') return notViable(device);
  // The kernel, or iommufd, has claimed the group's DMA.
  if (error instanceof SysError && error.code === 'EBUSY') return inUse(sys, device);
  if (error instanceof SysError && error.code === 'EINVAL')
    return (
      neededByFirmware(sys, device, error) ??
      callFailed(device.address, error, {
        message: 'the kernel does not take its group out of its own address space',
        hint: `the kernel's log may say why: sudo dmesg | grep ${device.address}`,
      })
    );
  return callFailed(device.address, error);
}

/** A group that the kernel refuses, with EPERM or EINVAL, because the firmware needs it; null for any other. */
function neededByFirmware(sys: SysTree, { address, vfio }: VfioDeviceInfo, error: SysError): unknown {
  if (vfio.group === null) return null;
  const message = firmwareRequirement(reservedRegions(new AttributeReader(sys), vfio.group));
  if (message === null) return null;
  return callFailed(address, error, {
    exit: Exit.unsupported,
    message,
    hint: 'no setting of the kernel changes that: look for an option of the firmware or an update of it',
  });
}

/** EPERM or EINVAL where a device is given an address space; null for all that has another cause. */
function addressSpaceRefused(sys: SysTree, device: VfioDeviceInfo, error: SysError, module: UnsafeModule): unknown {
  if (error.code !== 'EPERM' && error.code !== 'EINVAL') return null;
  const needed = neededByFirmware(sys, device, error);
  if (needed !== null || error.code !== 'EPERM') return needed;
  return callFailed(device.address, error, whyNotPermitted(sys, device.address, module));
}

/** VFIO_SET_IOMMU on a container that has the group. */
export function setIommuFailed(sys: SysTree, device: VfioDeviceInfo, error: unknown): unknown {
  const { address } = device;
  if (!(error instanceof SysError)) return error;
  const refused = addressSpaceRefused(sys, device, error, 'vfio_iommu_type1');
  if (refused !== null) return refused;
  if (error.code === 'ENODEV')
    return callFailed(address, error, {
      exit: Exit.unsupported,
      message: 'this kernel offers no type 1 IOMMU for the group',
      hint: 'sudo modprobe vfio_iommu_type1',
    });
  return callFailed(address, error);
}

/**
 * VFIO_DEVICE_BIND_IOMMUFD. A cdev opens any number of times and is bound once: the second bind gets EINVAL, as does one
 * of a device whose IOMMU cannot enforce cache coherency (vfio_df_open(), iommufd_device_bind()).
 */
export function bindFailed(sys: SysTree, device: VfioDeviceInfo, error: unknown, hasToken = false): unknown {
  if (error instanceof SysError && error.code === 'EACCES') return vfTokenRefused(sys, device.address, hasToken);
  if (!(error instanceof SysError) || error.code !== 'EINVAL') return attachFailed(sys, device, error);
  const { others, complete } = holdersOf(sys, device);
  if (others.length > 0) return inUse(sys, device);
  const needed = neededByFirmware(sys, device, error);
  if (needed !== null) return needed;
  if (!complete) return inUse(sys, device);
  return callFailed(device.address, error, {
    message:
      'the kernel does not bind it: this process has it open already, or its IOMMU does not keep caches coherent',
  });
}

/** VFIO_DEVICE_ATTACH_IOMMUFD_PT. */
export function attachFailed(sys: SysTree, device: VfioDeviceInfo, error: unknown): unknown {
  const isViable = device.vfio.viable !== false;
  const refused = error instanceof SysError && isViable ? addressSpaceRefused(sys, device, error, 'iommufd') : null;
  return refused ?? getDeviceFailed(sys, device, error);
}

/** A device that does not open without its VF token, or with another one. */
export class VfTokenRefused extends UdrvError {}

/** EACCES of vfio_pci_validate_vf_token(). @param hasToken whether one was given */
function vfTokenRefused(sys: SysTree, device: string, hasToken: boolean): UdrvError {
  const parent = new AttributeReader(sys).linkName(pciPath(device, 'physfn'));
  const [message, hint] =
    parent === null
      ? [
          hasToken
            ? 'this VF token is not the one with which its virtual functions were opened'
            : 'its virtual functions are open: opening it too takes the VF token that they were opened with',
          '--vf-token UUID gives it',
        ]
      : hasToken
        ? [
            `this VF token is not the one of its physical function, ${parent}`,
            `the program that opened ${parent} chose it; --vf-token auto opens ${parent} too, with a new one`,
          ]
        : [
            `opening it takes a VF token, because VFIO has its physical function, ${parent}`,
            `--vf-token UUID gives the one that ${parent} was opened with; --vf-token auto opens ${parent} too, with a new one`,
          ];
  return new VfTokenRefused(message, { code: 'EACCES', exit: Exit.permission, hint, device });
}

/** A VF token for a function of which the kernel takes none. @param parent its physical function; null: it is no virtual one */
export function noVfToken(device: string, parent: string | null, parentDriver: string | null): UdrvError {
  return deviceError(
    device,
    parent === null
      ? 'takes no VF token: it has no virtual functions, and is none'
      : `takes no VF token: its physical function, ${parent}, is not bound to a VFIO driver (driver: ${parentDriver ?? 'none'})`,
    { code: 'EINVAL', exit: Exit.unsupported, hint: 'leave --vf-token out, or give --vf-token auto' },
  );
}

/** VFIO_GROUP_GET_DEVICE_FD, or the calls that follow the bind of a cdev. @param hasToken whether a VF token was given */
export function getDeviceFailed(sys: SysTree, device: VfioDeviceInfo, error: unknown, hasToken = false): unknown {
  if (!(error instanceof SysError)) return error;
  const { address, driver } = device;
  // iommufd finds out about the group only here: EPERM on 6.12, EBUSY before.
  if ((error.code === 'EPERM' || error.code === 'EBUSY') && device.vfio.viable === false) return notViable(device);
  switch (error.code) {
    case 'EBUSY':
      return inUse(sys, device);
    case 'ENODEV':
      return callFailed(address, error, {
        message: `its driver, ${driver ?? 'none'}, does not offer it any more`,
        hint: `sudo udrv bind ${address} vfio-pci`,
        exit: Exit.gone,
      });
    case 'EACCES':
      return vfTokenRefused(sys, address, hasToken);
    case 'EIO':
    case 'ENOTTY':
      return callFailed(address, error, {
        exit: Exit.failed,
        message: 'the device could not be woken and reset',
        hint: `is it powered? cat ${pciPath(address, 'power_state')}; dmesg | grep ${address}`,
      });
    default:
      return callFailed(address, error);
  }
}

// Reset

/** @param busMates the functions that a reset of its bus would reset; undefined where the bus has none */
export function noReset(device: string, busMates: readonly string[] | undefined): UdrvError {
  return deviceError(
    device,
    'cannot be reset alone: it has no function level reset, and no other that spares its neighbours',
    {
      code: 'EINVAL',
      exit: Exit.unsupported,
      hint:
        busMates === undefined
          ? 'its bus cannot be reset either; what remains is to switch its power off'
          : `a reset of its bus would reset ${busMates.join(', ')}, and is not offered for that`,
    },
  );
}

export function resetFailed(device: string, error: unknown): unknown {
  return callFailed(device, error, { exit: Exit.failed, message: 'the reset failed' });
}

// Regions

export function notAnswering(device: string): UdrvError {
  return deviceError(device, 'does not answer: its configuration space reads as all ones', {
    code: 'ENODEV',
    exit: Exit.gone,
    hint: `is it powered and its link up? cat ${pciPath(device, 'power_state')}`,
  });
}

export function decodingOff(device: string, region: string, space: 'I/O port' | 'memory'): UdrvError {
  return deviceError(device, `${space} decoding of the device is switched off: its registers do not answer`, {
    code: 'EIO',
    exit: Exit.failed,
    part: region,
    hint: 'the kernel switches it on when the device is opened; this program has switched it off: bit 1 of config:0x4',
  });
}

/** pread(2) or pwrite(2) of a region. Refused where decoding is off or the device sleeps: drivers/vfio/pci/vfio_pci_rdwr.c. */
export function accessFailed(device: string, region: { name: string; kind: string }, error: unknown): unknown {
  const part = region.name;
  if (error instanceof SysError && error.code === 'EIO' && region.kind !== 'config')
    return callFailed(device, error, {
      part,
      message: 'the kernel does not reach it: decoding is switched off, or the device sleeps or is gone',
      hint: `udrv vfio config ${device} shows its command register and power state`,
    });
  if (error instanceof SysError && error.code === 'EINVAL')
    return callFailed(device, error, { part, message: 'the kernel allows no such access to this region' });
  return callFailed(device, error, { part });
}

/** @param transferred bytes, fewer than the register has */
export function accessIncomplete(device: string, region: string, transferred: number, width: Width): UdrvError {
  return deviceError(device, `the kernel transferred ${transferred} of ${width} bytes`, {
    code: 'EIO',
    exit: Exit.failed,
    part: region,
  });
}

interface UnmappableRegion {
  name: string;
  mmap: boolean;
  sparse: readonly { offset: number; size: number }[] | null;
}

/** @param instead the option that reaches the registers all the same */
export function notMappable(
  device: string,
  { name, mmap, sparse }: UnmappableRegion,
  message: string,
  instead = 'without --mmap',
): UdrvError {
  const areas = sparse?.map(({ offset, size }) => `${hex(offset)}+${hex(size)}`);
  return deviceError(device, message, {
    code: 'EOPNOTSUPP',
    exit: Exit.unsupported,
    part: name,
    hint: areas !== undefined && mmap ? `these can be mapped: ${areas.join(', ')}` : `${instead} it can be accessed`,
  });
}

// Interrupts

type IrqName = (typeof VFIO_PCI_IRQS)[number];

/** Names as people write them. */
const IRQ_TITLES: Record<IrqName, string> = { intx: 'INTx', msi: 'MSI', msix: 'MSI-X', err: 'ERR', req: 'REQ' };

export function noIrq(device: string, irq: IrqName): UdrvError {
  return deviceError(device, `has no ${IRQ_TITLES[irq]} interrupt`, { code: 'EINVAL', exit: Exit.unsupported });
}

/** @param count vectors that there are */
export function noVector(device: string, irq: IrqName, count: number): UdrvError {
  const vectors =
    count === 1
      ? `has one vector of ${IRQ_TITLES[irq]}: 0`
      : `has ${count} vectors of ${IRQ_TITLES[irq]}: 0 to ${count - 1}`;
  return deviceError(device, vectors, { code: 'EINVAL', exit: Exit.notFound });
}

/** VFIO_DEVICE_SET_IRQS with eventfds. */
export function enableIrqFailed(device: string, irq: IrqName, error: unknown): unknown {
  const code = error instanceof SysError ? error.code : null;
  if (code === 'EINVAL')
    return deviceError(device, `${IRQ_TITLES[irq]} cannot be switched on: another interrupt is`, {
      code,
      exit: Exit.busy,
    });
  if (code === 'ENOSPC')
    return deviceError(device, 'the machine has no interrupt vectors left', { code, exit: Exit.failed });
  return error;
}

/** Refuses a second user of an interrupt, whose eventfds would take the place of the first one's. */
export function irqIsOn(device: string, irq: IrqName): UdrvError {
  return deviceError(device, `${IRQ_TITLES[irq]} is switched on already`, {
    code: 'EBUSY',
    exit: Exit.busy,
    hint: 'one loop at a time: end the first, or have it pass on what it takes',
  });
}

/** REQ: the kernel wants the device back. */
export function deviceRequested(device: string): UdrvError {
  return deviceError(device, 'the kernel requests the device back: it is being unbound or removed', {
    code: 'ENODEV',
    exit: Exit.gone,
  });
}

// DMA

export function noIommu(device: string): UdrvError {
  return deviceError(device, 'there is no IOMMU to map memory in', { code: 'ENOTTY', exit: Exit.unsupported });
}

/** @param length in bytes */
export function noIovaLeft(device: string, length: number): UdrvError {
  return deviceError(device, `no I/O virtual addresses for ${length} bytes are free within the reach of the device`, {
    code: 'ENOSPC',
    exit: Exit.failed,
  });
}

/** A rule of mapping, for a request that breaks it. */
export interface BrokenRule {
  message: string;
  hint?: string;
}

/** Facts beside the errno that tell why a mapping was refused. */
interface MapFacts {
  kind: 'type1' | 'iommufd' | 'noiommu';
  /** Bytes that are mapped. */
  mapped: number;
  /** RLIMIT_MEMLOCK in bytes; null where there is none for this process, or it is not known. */
  lockLimit: bigint | null;
  rule: BrokenRule | null;
}

interface IovaArea {
  iova: bigint;
  /** In bytes. */
  length: bigint;
}

const areaText = ({ iova, length }: IovaArea): string => `IOVA ${hex(iova)}+${hex(length)}`;

/** VFIO_IOMMU_MAP_DMA or IOMMU_IOAS_MAP. */
export function mapFailed(
  device: string,
  { vaddr, ...area }: IovaArea & { vaddr: bigint },
  { code }: SysError,
  { kind, mapped, lockLimit, rule }: MapFacts,
): UdrvError {
  const explain = (message: string, exit: ExitCode, hint?: string) =>
    deviceError(device, message, { code, exit, hint, part: areaText(area) });
  if (rule !== null) return explain(rule.message, Exit.usage, rule.hint);
  switch (code) {
    case 'ENOMEM':
      return lockLimit === null
        ? explain('the kernel has no memory to map it', Exit.failed)
        : explain(
            `RLIMIT_MEMLOCK is too small: ${lockLimit} bytes may be locked, ${mapped} are mapped and ${area.length} more were asked for`,
            Exit.permission,
            'raise it (ulimit -l, LimitMEMLOCK= of a systemd unit, or memlock in /etc/security/limits.conf), or run as root',
          );
    case 'ENOSPC':
      return explain(
        'the limit of mappings is reached',
        Exit.failed,
        'make fewer, larger mappings, or raise the dma_entry_limit of vfio_iommu_type1',
      );
    case 'EEXIST':
      return explain('overlaps an existing mapping', Exit.failed, 'unmap that first, or choose another IOVA');
    case 'EFAULT':
      return explain(
        `the memory at ${hex(vaddr)} cannot be pinned`,
        Exit.failed,
        kind === 'iommufd' ? 'it must be allocated; iommufd refuses device memory' : 'it must be allocated',
      );
    case 'EPERM':
      return explain('the memory is read-only, and cannot be mapped for the device to write', Exit.permission);
    default:
      return explain(errnoMessage(code), code === 'ENOTTY' ? Exit.unsupported : Exit.failed);
  }
}

/** VFIO_IOMMU_UNMAP_DMA or IOMMU_IOAS_UNMAP: EINVAL where type1 would cut a mapping, ENOENT of iommufd for that and for nothing mapped. */
export function unmapFailed(device: string, area: IovaArea, { code }: SysError): UdrvError {
  const message =
    code === 'ENOENT'
      ? 'is not mapped, or is part of a larger mapping'
      : code === 'EINVAL'
        ? 'is part of a larger mapping, or no multiple of the page size'
        : errnoMessage(code);
  return deviceError(device, message, {
    code,
    exit: Exit.failed,
    part: areaText(area),
    hint: 'unmap what was mapped, with the same IOVA and length',
  });
}

// DMA test

export function unknownTier(name: string, known: readonly string[]): UdrvError {
  return usageError(name, 'there is no such tier', `there are ${known.join(', ')}`);
}

/** @param title of the kind of device that the tier is for */
export function wrongTier(device: string, title: string, fitting: string): UdrvError {
  return usageError(device, `is no ${title}`, `--tier ${fitting} is for this device`);
}

/** A device that did not do its part of a test. */
export function deviceFailed(device: string, message: string, code: 'EIO' | 'ETIMEDOUT', hint?: string): UdrvError {
  return deviceError(device, message, { code, exit: Exit.deviceError, hint });
}

export function kernelDriverAttached(device: string, driver: string): UdrvError {
  return deviceError(device, `the kernel's ${driver} driver still has this device`, {
    code: 'EBUSY',
    exit: Exit.busy,
    hint: `udrv bind ${device} vfio-pci`,
  });
}
