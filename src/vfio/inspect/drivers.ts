/**
 * Tells whether a driver of this name hands its devices to user space through VFIO: vfio-pci, vfio-platform..., and the
 * variants for one kind of device, whose names have `vfio` as a word: mlx5_vfio_pci, hisi-acc-vfio-pci, nvgrace-gpu-vfio-pci.
 */
export function isVfioDriver(driver: string | null): boolean {
  return driver !== null && /(?:^|[-_])vfio(?:[-_]|$)/.test(driver);
}
