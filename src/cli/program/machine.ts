import { usageError } from '../../errors';
import type { Sys } from '../../sys/sys';
import { inspectionOnly } from '../../sys/tree/inspection-only';
import type { GlobalOptions } from './context';

/**
 * Opens the machine that the options name, which is this one where they name none. No other machine's code is loaded.
 *
 * @param writeTrace gets the text of `--trace` in pieces
 */
export function openMachine(options: GlobalOptions, writeTrace: (text: string) => void): Sys {
  const sys = untraced(options);
  if (!options.trace) return sys;
  const { usbdevfsDecoder } = require('../../uapi/decode-usbdevfs');
  const { decodeVfio } = require('../../uapi/decode-vfio');
  const print = (line: string) => writeTrace(`${line}\n`);
  return require('../../sys/trace').traced(sys, print, [usbdevfsDecoder(), decodeVfio], writeTrace);
}

/** Tells whether the options name no other machine than this one. */
export function isThisMachine({ sysroot, snapshot, sim }: GlobalOptions): boolean {
  return sysroot === undefined && snapshot === undefined && !sim;
}

function untraced({ sysroot, snapshot, sim }: GlobalOptions): Sys {
  if ([sysroot, snapshot, sim].filter((option) => option !== undefined).length > 1)
    throw usageError('--sysroot, --snapshot and --sim', 'each name a machine: give one');
  if (sysroot !== undefined)
    return inspectionOnly(new (require('../../sys/tree/sysroot').SysrootTree)(sysroot), {
      message: 'a copied tree can only be inspected',
      hint: 'drop --sysroot to work with this machine',
    });
  if (snapshot !== undefined)
    return inspectionOnly(require('../../sys/tree/snapshot').loadSnapshot(snapshot), {
      message: 'a recorded machine can only be inspected',
      hint: 'drop --snapshot to work with this machine',
    });
  if (sim) return require('../../sim').simulatedMachine().sys;
  return new (require('../../sys/linux/linux-sys').LinuxSys)();
}
