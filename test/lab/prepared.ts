import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { LabError } from './error';

export const KERNELS = ['stock', 'built'] as const;
/** `stock`: Debian 12's own; `built`: Linux 6.12 with iommufd, VFIO cdevs and no-IOMMU mode, and no modules. */
export type Kernel = (typeof KERNELS)[number];

export interface Prepared {
  readonly kernel: string;
  readonly initramfs: string;
  /** The folder whose lib/modules has the kernel's modules; empty if it has none. */
  readonly modules: string;
}

/** The checkout, wherever esbuild or jest has put this code. */
export const CHECKOUT = findCheckout(__dirname);
export const LAB_FOLDER = join(CHECKOUT, 'test/lab');
const PREPARE = join(LAB_FOLDER, 'prepare');

/** Finds the kernel and its initramfs; undefined if test/lab/prepare has yet to make the kernel. */
export function findPrepared(kernel: Kernel): Prepared | undefined {
  const result = spawnSync(PREPARE, ['--quick', kernel], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
  const [name, image, initramfs, modules] = result.stdout.trimEnd().split('\t');
  if (result.status !== 0 || name !== kernel || !image || !initramfs) return undefined;
  return { kernel: image, initramfs, modules: modules === '-' || !modules ? '' : modules };
}

/** Finds the folder with Debian's udev; undefined if test/lab/prepare has yet to make it. */
export function findUdev(): string | undefined {
  const result = spawnSync(PREPARE, ['--quick', 'udev'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
  const [name, folder] = result.stdout.trimEnd().split('\t');
  return result.status === 0 && name === 'udev' ? folder : undefined;
}

/** Makes the kernel, which may take minutes; what it does goes to stderr. */
export function prepare(kernel: Kernel): void {
  const result = spawnSync(PREPARE, [kernel], { stdio: ['ignore', 'ignore', 'inherit'] });
  if (result.status !== 0) throw new LabError(`test/lab/prepare ${kernel} failed`);
}

function findCheckout(folder: string): string {
  if (existsSync(join(folder, 'package.json'))) return folder;
  const parent = dirname(folder);
  if (parent === folder) throw new LabError('the lab is not in a checkout of udrv');
  return findCheckout(parent);
}
