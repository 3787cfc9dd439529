import { usageError } from '../../errors';
import type { Journal } from '../../sys/journal';
import type { StateStore } from '../../sys/state';
import type { Sys } from '../../sys/sys';
import { inspectionOnly } from '../../sys/tree/inspection-only';
import type { MachineOptions } from '../output/hint';
import type { GlobalOptions } from './context';

/** An open machine. Disposing of it keeps what a command did to a machine in a file. */
export interface OpenMachine extends Partial<Disposable> {
  readonly sys: Sys;
  /** The bindings before udrv's changes, where the machine itself keeps them. */
  readonly bindings?: StateStore;
  /** Notes of what commands take for their own time, where the machine itself keeps them. */
  readonly journal?: Journal;
}

/**
 * Opens the machine that the options name, which is this one where they name none. No other machine's code is loaded.
 *
 * @param writeTrace gets the text of `--trace` in pieces
 */
export function openMachine(options: GlobalOptions, writeTrace: (text: string) => void): OpenMachine {
  const machine = untraced(options);
  if (!options.trace) return machine;
  const { usbdevfsDecoder } = require('../../uapi/decode-usbdevfs');
  const { decodeVfio } = require('../../uapi/decode-vfio');
  const print = (line: string) => writeTrace(`${line}\n`);
  const sys = require('../../sys/trace').traced(machine.sys, print, [usbdevfsDecoder(), decodeVfio], writeTrace);
  return { ...machine, sys };
}

/**
 * Completes the options by the machine that the environment names, where they name none themselves: `UDRV_SIM` is that
 * of `--sim`, `1` and `yes` without a file.
 */
export function withMachine<O extends TypedOptions>(options: O, env: NodeJS.ProcessEnv): O {
  const { simFile, sim, snapshot, sysroot } = options;
  if (simFile === '') throw usageError('--sim=', 'names no file', 'for a new machine each time, give --sim alone');
  if (simFile !== undefined) return { ...options, sim: simFile };
  const named = env['UDRV_SIM'];
  if (!named || sim || snapshot !== undefined || sysroot !== undefined || NO.test(named)) return options;
  return { ...options, sim: YES.test(named) ? true : named, isFromEnvironment: true };
}

/** Options as they were typed: `--sim=FILE` comes apart from `--sim`. */
export interface TypedOptions extends MachineOptions {
  simFile?: string;
}

const YES = /^(?:1|yes|true)$/i;
const NO = /^(?:0|no|false)$/i;

/** Tells whether the options name no other machine than this one. */
export function isThisMachine({ sysroot, snapshot, sim, host }: GlobalOptions): boolean {
  return host === undefined && sysroot === undefined && snapshot === undefined && !sim;
}

/** Makes the read of a file that `--timeout` bounds; undefined: the usual one. */
function inTime(timeoutMs: number | undefined): ((path: string, limit: number) => Buffer) | undefined {
  if (timeoutMs === undefined) return undefined;
  const { readInTime } = require('./input') as typeof import('./input');
  return (path, limit) => readInTime(path, limit, timeoutMs);
}

function untraced({ sysroot, snapshot, sim, timeout }: GlobalOptions): OpenMachine {
  if ([sysroot, snapshot, sim].filter((option) => option !== undefined).length > 1)
    throw usageError('--sysroot, --snapshot and --sim', 'each name a machine: give one');
  if (sysroot !== undefined)
    return {
      sys: inspectionOnly(new (require('../../sys/tree/sysroot').SysrootTree)(sysroot), {
        message: 'a copied tree can only be inspected',
        hint: 'drop --sysroot to work with this machine',
      }),
    };
  if (snapshot !== undefined)
    return {
      sys: inspectionOnly(require('../../sys/tree/snapshot').loadSnapshot(snapshot, inTime(timeout)), {
        message: 'a recorded machine can only be inspected',
        hint: 'drop --snapshot to work with this machine',
      }),
    };
  if (typeof sim === 'string') return require('../../sim').machineInFile(sim);
  if (sim) return { sys: require('../../sim').simulatedMachine({ lively: true }).sys };
  return { sys: new (require('../../sys/linux/linux-sys').LinuxSys)({ survivesBusErrors: true }) };
}
