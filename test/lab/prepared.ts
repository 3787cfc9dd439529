import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { koffiFor, nodeFor } from '../package/fetched';
import { LabError } from './error';
import type { Architecture } from './machine';

export const KERNELS = ['stock', 'built', 'newer'] as const;
/**
 * `stock`: Debian 12's own; `built`: Linux 6.12 with iommufd, VFIO cdevs and no-IOMMU mode, and no modules; `newer`: the
 * newest that Debian 13 has, built in the same way.
 */
export type Kernel = (typeof KERNELS)[number];

/** The kernels that most tests run on. */
export const USUAL_KERNELS = ['stock', 'built'] as const satisfies readonly Kernel[];

/** Returns VFIO's ways to a device that a kernel has: iommufd since 6.2. */
export const backendsOf = (kernel: Kernel): readonly ('group' | 'iommufd')[] =>
  kernel === 'stock' ? ['group'] : ['group', 'iommufd'];

export interface Prepared {
  readonly kernel: string;
  readonly initramfs: string;
  /** The folder whose lib/modules has the kernel's modules; empty if it has none. */
  readonly modules: string;
  /** The folder that becomes the guest's root. */
  readonly root: string;
  /** Node, where the guest has it. */
  readonly node: string;
  /** The folder of koffi's native part, where it is not the checkout's; empty: it is. */
  readonly koffi: string;
}

/** The checkout, wherever esbuild or jest has put this code. */
export const CHECKOUT = findCheckout(__dirname);
export const LAB_FOLDER = join(CHECKOUT, 'test/lab');
const PREPARE = join(LAB_FOLDER, 'prepare');

/** The kernels that there are for an architecture. */
export function kernelsFor(architecture: Architecture): readonly Kernel[] {
  return architecture === 'x64' ? KERNELS : ['built'];
}

/** The names by which test/lab/prepare makes what a guest needs. */
export function preparedNames(kernel: Kernel, architecture: Architecture): readonly string[] {
  if (!kernelsFor(architecture).includes(kernel))
    throw new LabError(
      `there is no ${kernel} kernel for ${architecture}: it has ${kernelsFor(architecture).join(', ')}`,
    );
  if (architecture === 'x64') return [kernel];
  return ['arm64', 'arm64-root'];
}

/** Finds the kernel and its guest's files; undefined if test/lab/prepare has yet to make them. */
export function findPrepared(kernel: Kernel, architecture: Architecture): Prepared | undefined {
  const [first, root] = find(preparedNames(kernel, architecture)) ?? [];
  const [image, initramfs, modules] = first ?? [];
  if (!image || !initramfs) return undefined;
  const found = { kernel: image, initramfs, modules: modules === '-' || !modules ? '' : modules };
  if (architecture === 'x64') return { ...found, root: '/', node: process.execPath, koffi: '' };
  const [folder] = root ?? [];
  if (!folder) return undefined;
  return { ...found, root: folder, node: join(nodeFor(architecture), 'bin/node'), koffi: koffiFor(architecture) };
}

/** Finds the folder with Debian's udev; undefined if test/lab/prepare has yet to make it. */
export function findUdev(): string | undefined {
  return find(['udev'])?.[0]?.[0];
}

/** Makes what a guest needs, which may take minutes; what it does goes to stderr. */
export function prepare(names: readonly string[]): void {
  const result = spawnSync(PREPARE, names, { stdio: ['ignore', 'ignore', 'inherit'] });
  if (result.status !== 0) throw new LabError(`test/lab/prepare ${names.join(' ')} failed`);
}

/** Returns what is prepared by these names, a list of fields each; undefined if one of them is missing. */
function find(names: readonly string[]): string[][] | undefined {
  const result = spawnSync(PREPARE, ['--quick', ...names], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
  const lines = result.stdout
    .trimEnd()
    .split('\n')
    .map((line) => line.split('\t'));
  if (result.status !== 0 || names.some((name, i) => lines[i]?.[0] !== name)) return undefined;
  return lines.map(([, ...fields]) => fields);
}

function findCheckout(folder: string): string {
  if (existsSync(join(folder, 'package.json'))) return folder;
  const parent = dirname(folder);
  if (parent === folder) throw new LabError('the lab is not in a checkout of udrv');
  return findCheckout(parent);
}
