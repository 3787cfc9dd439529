/**
 * The simulated machine: a kernel that decodes bytes as the real one does, with devices that work. The file
 * fixtures/sim.snapshot has all that is in it, and machine.ts wires the parts that are alive.
 */
import type { StateStore } from '../sys/state';
import { loadBase, type MoreDevices } from './base';
import { Controls } from './controls';
import { Kernel } from './kernel/kernel';
import { Machine } from './machine';
import { RememberedMachine } from './state/remembered';
import { InjectedErrors } from './syscalls/injected-errors';
import { SimSys } from './syscalls/sim-sys';

export type { MoreDevices } from './base';
export type { Controls } from './controls';
export type { Edu } from './devices/edu';
export type { StorageFault } from './devices/usb-storage';
export type { RegisterAccess } from './hardware/access-log';
export type { SimRegion } from './hardware/region';
export { FatalSignal } from './kernel/fatal-signal';
export type { Syscall } from './syscalls/injected-errors';
export { SimSys } from './syscalls/sim-sys';

export interface SimulatedMachine {
  readonly sys: SimSys;
  readonly controls: Controls;
}

export interface SimulationOptions {
  /** Whether its devices come and go by themselves. */
  lively?: boolean;
  /**
   * Devices that it has beside those of `--sim`: `network`, four e1000e from 0000:00:0d.0 to 0000:00:10.0, with a cable
   * between the first two, and one between the others.
   */
  more?: readonly MoreDevices[];
}

/**
 * Makes a new machine, just booted. Nothing happens there by itself, unless it is `lively`: then whoever listens to its
 * kernel hears, once, of a USB device that is pulled out and plugged in, and of a driver that leaves a device and takes it.
 */
export function simulatedMachine({ lively = false, more = [] }: SimulationOptions = {}): SimulatedMachine {
  const { kernel, machine, simulated } = boot(more);
  if (lively) kernel.uevents.onListen = () => enliven(kernel, machine);
  return simulated;
}

function boot(more?: readonly MoreDevices[]) {
  const kernel = new Kernel(loadBase(more));
  const injected = new InjectedErrors();
  const machine = new Machine(kernel);
  const simulated = { sys: new SimSys(kernel, injected), controls: new Controls(machine, injected) };
  return { kernel, machine, simulated };
}

/** The time before the first event, and between any two. */
const EVENT_MS = 1000;

function enliven(kernel: Kernel, machine: Machine): void {
  kernel.uevents.onListen = () => {};
  const [keyboard, testdev] = ['1-3.1', machine.pciFunction('0000:00:0a.0')];
  const events = [
    () => machine.unplug(keyboard),
    () => machine.usb.plug(keyboard),
    () => machine.pci.release(testdev),
    () => machine.pci.probe(testdev),
  ];
  for (const [i, event] of events.entries()) kernel.timeline.after((i + 1) * EVENT_MS, event);
}

/** A simulated machine whose state a file keeps. */
export interface MachineInFile extends SimulatedMachine, Disposable {
  /** The bindings of functions before udrv changed them. */
  readonly bindings: StateStore;
}

/**
 * Makes the machine whose state is in a file, or a new one where there is no file. Opening or writing anything keeps
 * other processes out until it is disposed of, which closes all files and keeps the state.
 *
 * @throws UdrvError exit 2 where the file holds something else; exit 5 where another process has the machine
 */
export function machineInFile(path: string): MachineInFile {
  const { kernel, machine, simulated } = boot();
  const remembered = new RememberedMachine(kernel, machine, path);
  return {
    ...simulated,
    bindings: remembered.bindings,
    [Symbol.dispose]: () => remembered[Symbol.dispose](),
  };
}
