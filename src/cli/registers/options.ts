import type { Argument, Option } from 'commander';
import { argument, choice, option } from '../program/options';
import { parseWidth } from '../program/parse';

/** Makes the arguments that name a device and a region of it. @param place what may follow the region: `OFFSET` */
export function regionArguments(device: string, place: string, regions?: string): Argument[] {
  const all = `${regions === undefined ? '' : `${regions}; `}or REGION:${place}`;
  return [argument(`<${device}>`), argument('<region>', all)];
}

export function rangeArgument(): Argument {
  return argument('[range]', 'OFFSET, OFFSET+LENGTH or OFFSET-END; the whole region without it');
}

export function widthOption(): Option {
  return option('-w, --width <bytes>', 'access width: 1, 2, 4 or 8', parseWidth, 4);
}

/** Makes the options of a dump beside the width. */
export function dumpOptions(): Option[] {
  return [
    choice('--format <format>', 'registers, bytes with ASCII, or raw bytes', ['words', 'hex', 'bin'], 'words'),
    option('-o, --output <file>', 'write to FILE instead of stdout'),
  ];
}

export function mmapOption(): Option {
  return option('--mmap', 'access a mapping of the region instead of asking the kernel: SIGBUS if the device is off');
}
