import type { AttributeReader } from '../../sys/readers/attributes';

/**
 * Tells whether a driver of this name hands its devices to user space through VFIO: vfio-pci, vfio-platform..., and the
 * variants for one kind of device, whose names have `vfio` as a word: mlx5_vfio_pci, hisi-acc-vfio-pci, nvgrace-gpu-vfio-pci.
 */
export function isVfioDriver(driver: string | null): boolean {
  return driver !== null && /(?:^|[-_])vfio(?:[-_]|$)/.test(driver);
}

/**
 * Tells whether a device is given to user space through VFIO, whatever its driver is called: NVIDIA's `nvidia` serves
 * virtual functions so. Since Linux 6.1 the device then has a directory `vfio-dev/vfioN` (drivers/vfio/vfio_main.c), since
 * 7.x `noiommu-vfioN` where nothing isolates it.
 *
 * @param dir the device's directory in sysfs
 */
export function isServedByVfio(reader: AttributeReader, dir: string, driver: string | null): boolean {
  if (driver === null) return false;
  return isVfioDriver(driver) || reader.names(`${dir}/vfio-dev`).some((name) => /^(?:noiommu-)?vfio\d+$/.test(name));
}
