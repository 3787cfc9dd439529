import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { LabError } from './error';

/** QEMU's clock, a PL031: registers of a page and an interrupt, which uio_pdrv_genirq takes. */
const CLOCK = '/pl031@9010000';
/** QEMU's lines for the power button, a PL061, which vfio-platform can have. */
const LINES = '/pl061@9030000';

/**
 * Writes the device tree of an arm64 machine for UIO and VFIO on platform devices: the clock is one that a program in
 * user space drives, and the lines are behind the IOMMU, which on QEMU's board has PCI functions alone.
 *
 * @param board QEMU's arguments for the machine itself
 * @param folder of the file
 * @returns the file
 */
export function writeDeviceTree(board: readonly string[], folder: string): string {
  const file = join(folder, 'device-tree');
  run('qemu-system-aarch64', [...board, '-nodefaults', '-display', 'none', '-machine', `dumpdtb=${file}`]);
  // No arm,primecell: a device of the bus platform.
  run('fdtput', ['-t', 's', file, CLOCK, 'compatible', 'generic-uio']);
  const iommu = run('fdtget', ['-t', 'x', file, '/smmuv3@9050000', 'phandle']).trim();
  // A stream that no PCI function has, as it would be of the last bus.
  run('fdtput', ['-t', 'x', file, LINES, 'iommus', iommu, 'fff0']);
  run('fdtput', ['-t', 's', file, LINES, 'compatible', 'udrv,lines']);
  return file;
}

function run(program: string, args: readonly string[]): string {
  const { status, stdout, stderr, error } = spawnSync(program, args, { encoding: 'utf8' });
  if (status !== 0) throw new LabError(`${program} failed: ${error?.message ?? stderr}`);
  return stdout;
}
