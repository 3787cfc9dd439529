import type { Kernel } from '../lab';

/** A fault that is put into a guest, and what has to come of it. */
export interface LabFault {
  readonly name: string;
  /** Kernels that can have it; both if not given. */
  readonly kernels?: readonly Kernel[];
  /** The boot that has it, or in which it can be put in; the usual one if not given. */
  readonly machine?: MachineName;
  /** Lines of shell that put it in, as root; not given: the machine has it. */
  readonly inject?: string;
  /** Lines of shell that take back what it and its mend have changed, as root. */
  readonly undo?: string;
  /** The person is an ordinary user. */
  readonly user?: true;
  /** Typed first in the person's shell: what an administrator has set for the session. */
  readonly session?: string;
  /** Arguments of `udrv doctor`. */
  readonly doctor: string;
  /** The command that fails because of it, and its exit code. */
  readonly operation: string;
  readonly fails: number;
  /** The finding that has to be the first. */
  readonly first: string;
  /**
   * What is done of what the finding names: its first command, run as it is printed, if not given. `boot`: the next boot
   * has the kernel arguments, or QEMU's options, that it names. `nothing`: it names nothing, as nothing mends it.
   */
  readonly mend?: 'command' | 'boot' | 'nothing';
  /** Why a copy of the machine cannot have the same verdict; not given: it has. */
  readonly notInTree?: 'processes' | 'registers' | 'kernel log' | 'mode of a node';
}

/** A boot of the guest, as `bootLab` takes it. */
export interface Machine {
  /** QEMU's IOMMU, as -device takes it; null for none. */
  readonly iommu: string | null;
  /** Parameters of the kernel's command line; null: without one that the lab always has. */
  readonly parameters: Readonly<Record<string, string | null>>;
}

export type MachineName = 'usual' | 'withoutIommu' | 'iommuOff' | 'withoutRemapping';
