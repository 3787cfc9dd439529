/**
 * The simulated machine: a kernel that decodes bytes as the real one does, with devices that work. See
 * fixtures/sim.snapshot for what is in it, and machine.ts for what of that is alive.
 */
import { loadBase } from './base';
import { Controls } from './controls';
import { Faults } from './faults';
import { Kernel } from './kernel';
import { Machine } from './machine';
import { SimSys } from './sys';

export type { Controls } from './controls';
export type { Edu } from './edu';
export type { RegisterAccess } from './region';
export { Fault } from './region';
export { SimSys } from './sys';

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
