/**
 * The simulated machine: a kernel that decodes bytes as the real one does, with devices that work. The file
 * fixtures/sim.snapshot has all that is in it, and machine.ts wires the parts that are alive.
 */
import { loadBase } from './base';
import { Controls } from './controls';
import { Kernel } from './kernel/kernel';
import { Machine } from './machine';
import { InjectedErrors } from './syscalls/injected-errors';
import { SimSys } from './syscalls/sim-sys';

export type { Controls } from './controls';
export type { Edu } from './devices/edu';
export type { RegisterAccess } from './hardware/access-log';
export type { SimRegion } from './hardware/region';
export { FatalSignal } from './kernel/fatal-signal';
export type { Syscall } from './syscalls/injected-errors';
export { SimSys } from './syscalls/sim-sys';

export interface SimulatedMachine {
  readonly sys: SimSys;
  readonly controls: Controls;
}

/** Makes a new machine, just booted. */
export function simulatedMachine(): SimulatedMachine {
  const kernel = new Kernel(loadBase());
  const injected = new InjectedErrors();
  const sys = new SimSys(kernel, injected);
  return { sys, controls: new Controls(new Machine(kernel), injected) };
}
