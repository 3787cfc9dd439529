import { randomUUID } from 'node:crypto';
import type { Cleanup } from '../../cleanup';
import { usageError } from '../../errors';
import type { VfioDeviceInfo } from '../../model/device';
import { inspectPciInfo } from '../../pci/inspect';
import { pciPath } from '../../pci/paths';
import { readSriov } from '../../pci/sriov';
import { AttributeReader } from '../../sys/readers/attributes';
import type { Sys, SysTree } from '../../sys/sys';
import { noVfToken, VfTokenRefused } from '../errors';
import { isServedByVfio } from '../inspect/drivers';
import { VfioInspector } from '../inspect/inspector';
import type { Attachment } from './backend';

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Opens a device by one backend. @param token the UUID that the kernel is given; null for none */
type Attach = (sys: Sys, device: VfioDeviceInfo, token: string | null) => Attachment;

/** @throws UdrvError exit 2 for a token that is no UUID and not `auto` */
export function mustBeVfToken(token: string): void {
  if (token !== 'auto' && !UUID.test(token))
    throw usageError('--vf-token', 'takes a UUID, as uuidgen makes them, or auto');
}

/**
 * Opens a device with the token that the kernel asks for where VFIO has a physical function: a virtual function opens
 * with the token of its physical one, and whoever opens that one chooses it (vfio_pci_validate_vf_token() in
 * drivers/vfio/pci/vfio_pci_core.c).
 *
 * @param wanted a UUID; or `auto`: a new one for a physical function, and where a virtual function asks for one, its
 *   physical function is opened too, with a new one
 * @param cleanup owns what was opened
 * @returns the token that the kernel was given; null for none
 * @throws UdrvError as `attach` does, exit 9 for a UUID where the kernel takes none
 */
export function attachWithToken(
  sys: Sys,
  device: VfioDeviceInfo,
  attach: Attach,
  wanted: string | undefined,
  cleanup: Cleanup,
): { attachment: Attachment; token: string | null } {
  const open = (info: VfioDeviceInfo, token: string | null) => ({
    attachment: cleanup.own(attach(sys, info, token)),
    token,
  });
  if (wanted === undefined) return open(device, null);
  mustBeVfToken(wanted);
  const { isPhysical, parent, parentDriver, isTaken } = tokenUse(sys, device.address);
  if (wanted !== 'auto') {
    if (!isTaken) throw noVfToken(device.address, parent, parentDriver);
    return open(device, wanted.toLowerCase());
  }
  if (isPhysical) return open(device, randomUUID());
  if (parent === null || !isTaken) return open(device, null);
  try {
    // Before Linux 6.17 a cdev asks for none.
    return open(device, null);
  } catch (error) {
    if (!(error instanceof VfTokenRefused)) throw error;
  }
  const token = randomUUID();
  open(infoOf(sys, parent), token);
  return open(device, token);
}

interface TokenUse {
  isPhysical: boolean;
  /** The physical function of a virtual one, and its driver. */
  parent: string | null;
  parentDriver: string | null;
  /** Whether the kernel takes a token: of a physical function, and of a virtual one whose physical one VFIO has. */
  isTaken: boolean;
}

function tokenUse(sys: SysTree, address: string): TokenUse {
  const reader = new AttributeReader(sys);
  const sriov = readSriov(reader, address);
  const parent = sriov?.physicalFunction ?? null;
  const isPhysical = sriov !== null && parent === null;
  const parentDriver = parent === null ? null : reader.linkName(pciPath(parent, 'driver'));
  const isTaken = isPhysical || (parent !== null && isServedByVfio(reader, pciPath(parent), parentDriver));
  return { isPhysical, parent, parentDriver, isTaken };
}

/** Returns what an open needs to know of a function that VFIO has. */
function infoOf(sys: SysTree, address: string): VfioDeviceInfo {
  const reader = new AttributeReader(sys);
  const pci = inspectPciInfo(reader, address);
  return {
    framework: 'vfio',
    address,
    vendorId: null,
    deviceId: null,
    name: address,
    driver: reader.linkName(pciPath(address, 'driver')),
    ...new VfioInspector(sys).inspect(reader, pciPath(address), pci.iommuGroup),
    pci,
    errors: reader.errors,
  };
}
