import type { Argument, Option } from 'commander';
import { parseCount, parseWidth } from '../../model/notation';
import { argument, choice, intervalOption, option, repeatable } from '../program/options';

/** Makes the arguments that name a device and a region of it. @param place what may follow the region: `OFFSET` */
export function regionArguments(device: string, place: string, regions?: string): Argument[] {
  const all = `${regions === undefined ? '' : `${regions}; `}or REGION:${place}`;
  return [argument(`<${device}>`), argument('<region>', all)];
}

export function rangeArgument(): Argument {
  return argument('[range]', 'OFFSET, OFFSET+LENGTH or OFFSET-END; the whole region without it');
}

export function widthOption(): Option {
  return option('-w, --width <bytes>', 'access width: 1, 2, 4 or 8; without it 4, or what a map says', parseWidth);
}

/** Makes the options of a dump beside the width. */
export function dumpOptions(): Option[] {
  return [
    choice('--format <format>', 'registers, bytes with ASCII, or raw bytes', ['words', 'hex', 'bin'], 'words'),
    option('-o, --output <file>', 'write to FILE instead of stdout'),
  ];
}

export function swapOption(): Option {
  return option('--swap', 'the registers are big-endian: exchange the bytes of each value');
}

/** Makes the options for the way of an access: by a mapping, or by the kernel also where it does not survive each one. */
export function mmapOptions(): Option[] {
  return [
    option('--mmap', 'access a mapping of the region instead of asking the kernel: faster'),
    option('--no-mmap', 'ask the kernel, also where an access that nothing decodes stops it: arm64, riscv64, loong64'),
  ];
}

/** Makes the option that names registers. */
export function mapOption(): Option {
  return repeatable('--map <file>', 'names of registers: FILE[#PERIPHERAL][@REGION[+OFFSET]]; repeatable');
}

/** Makes the option of a write that a map says is wrong. */
export function writeForceOption(): Option {
  return option('--force', 'write what a map says is read-only, or not to be read first');
}

export function readAllOption(): Option {
  return option('--read-all', 'read registers too that reading changes');
}

/** Makes the arguments of a watch. */
export function watchArguments(device: string, regions?: string): Argument[] {
  return [
    ...regionArguments(device, 'RANGE, or the name of a register', regions),
    argument('[range...]', 'in the region, all of it without; or more registers'),
  ];
}

/** Makes the options of a watch. */
export function watchOptions(): Option[] {
  return [
    intervalOption('readings'),
    option('-c, --count <n>', 'end after reading N times again', parseCount),
    widthOption(),
    mapOption(),
    swapOption(),
    readAllOption(),
  ];
}
