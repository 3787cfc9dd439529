/**
 * The writes that give a device to another driver, and those that take that back. Pure:
 * `execute.ts` is the one place that does it.
 */

import { shellWord } from '../text/shell';
import { type Bus, PCI } from './bus';

/** The driver that a device has, and the one that it is reserved for. */
export interface Binding {
  driver: string | null;
  /** `driver_override`: only a driver of this name may take it. */
  override: string | null;
}

/** One write to an attribute of sysfs. */
export interface Write {
  path: string;
  value: string;
}

export interface BindStep extends Write {
  /** The device's name on its bus: a function's address. */
  address: string;
  /** The driver that the function has to have after the step; undefined where the step does not decide it. */
  driver?: string | null;
  /** Whether some driver has to have it after the step: one had it before. */
  taken?: boolean;
  /** The writes that take the step back, in this order, once the steps after this one have been taken back. */
  undo: readonly Write[];
}

/** The steps for one device. Without any, it is as it shall be. */
export interface BindPlan {
  address: string;
  from: Binding;
  steps: readonly BindStep[];
}

/** The kernel's own choice: no override, and whichever driver takes the function; one has to where one had it. */
export const DEFAULT = 'default';

/** The same where a function may be left without: the driver that it has was given to it by a rule that is forgotten. */
export const DEFAULT_OR_NONE = 'default or none';

export type Target = Binding | typeof DEFAULT | typeof DEFAULT_OR_NONE;

/**
 * Plans the steps from one binding to another.
 *
 * While a driver is bound, the override names it, whatever it shall be afterwards: a driver without a table of ids
 * (vfio-pci, uio_pci_generic) takes nothing else (drivers/base/bus.c, bind_store() asks driver_match_device()), and
 * dpdk-devbind clears the override after its bind.
 */
export function plan(address: string, from: Binding, to: Target, bus: Bus = PCI): BindPlan {
  const steps: BindStep[] = [];
  const rebind = typeof to === 'string' || to.driver !== from.driver;
  let override = from.override;
  const setOverride = (name: string | null) => {
    if (name === override) return;
    steps.push({ address, ...overrideWrite(bus, address, name), undo: [overrideWrite(bus, address, override)] });
    override = name;
  };
  if (rebind && from.driver !== null)
    steps.push({
      address,
      ...unbindWrite(bus, address, from.driver),
      driver: null,
      undo: [...bindWrites(bus, address, { driver: from.driver, override: from.override })],
    });
  if (typeof to === 'string') {
    setOverride(null);
    const taken = to === DEFAULT && from.driver !== null;
    steps.push({ address, path: bus.probe, value: address, taken, undo: [] });
  } else {
    if (rebind && to.driver !== null) {
      setOverride(to.driver);
      const write = { path: `${bus.drivers}/${to.driver}/bind`, value: address };
      steps.push({ address, ...write, driver: to.driver, undo: [unbindWrite(bus, address, to.driver)] });
    }
    setOverride(to.override);
  }
  return { address, from, steps };
}

/** Returns the driver that a plan leads to; undefined where that is for the kernel to choose. */
export function driverAfter({ from, steps }: BindPlan): string | null | undefined {
  if (steps.some(({ path }) => isProbe(path))) return undefined;
  const last = steps.findLast(({ driver }) => driver !== undefined);
  return last === undefined ? from.driver : (last.driver ?? null);
}

/** Tells whether a write lets the kernel choose a driver. */
export function isProbe(path: string): boolean {
  return path.endsWith('/drivers_probe');
}

/** Returns a write as a person would type it. */
export function shellCommand({ path, value }: Write): string {
  const text = value.trim();
  return `${text === '' ? 'echo' : `echo ${shellWord(text)}`} > ${shellWord(path)}`;
}

function bindWrites(
  bus: Bus,
  address: string,
  { driver, override }: { driver: string; override: string | null },
): Write[] {
  const bind = { path: `${bus.drivers}/${driver}/bind`, value: address };
  if (override === driver) return [bind];
  return [overrideWrite(bus, address, driver), bind, overrideWrite(bus, address, override)];
}

function unbindWrite(bus: Bus, address: string, driver: string): Write {
  return { path: `${bus.drivers}/${driver}/unbind`, value: address };
}

/** Returns the write of an override. A newline alone clears it; an empty write would not reach the kernel. */
function overrideWrite(bus: Bus, address: string, name: string | null): Write {
  return { path: `${bus.devices}/${address}/driver_override`, value: name ?? '\n' };
}
