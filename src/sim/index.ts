/**
 * The simulated machine: a kernel that decodes bytes as the real one does, with devices that work. See
 * fixtures/sim.snapshot for what is in it, and machine.ts for what of that is alive.
 */
import { loadBase } from './base';
import { Controls } from './controls';
import { Faults } from './kernel/faults';
import { Kernel } from './kernel/kernel';
import { SimSys } from './kernel/sim-sys';
import { Machine } from './machine';

export type { Controls } from './controls';
export type { Edu } from './devices/edu';
export type { RegisterAccess } from './kernel/region';
export { Fault } from './kernel/region';
export { SimSys } from './kernel/sim-sys';

export interface SimulatedMachine {
  readonly sys: SimSys;
  readonly controls: Controls;
}

/** A machine of its own each time, just booted. */
export function simulatedMachine(): SimulatedMachine {
  const kernel = new Kernel(loadBase());
  const faults = new Faults();
  const sys = new SimSys(kernel, faults);
  return { sys, controls: new Controls(new Machine(kernel), faults) };
}
