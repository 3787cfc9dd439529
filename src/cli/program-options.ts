import { Option } from 'commander';
import type { Context } from './context';
import { parseWidth } from './parse';

/**
 * What a command does: its module is loaded when it is called, so that no command pays for another's code.
 * Returns the exit code where that is not 0.
 */
export type Run = (context: Context, ...args: never[]) => number | undefined | Promise<number | undefined>;

/** Makes what commander calls for a command of what loads it. */
export type ActionOf = (load: () => Run) => (...given: unknown[]) => Promise<void>;

export const ACK_HELP = 'run after each interrupt, before re-arming: REGION:OFFSET[/WIDTH]=VALUE; repeatable';

export function widthOption(): Option {
  return new Option('-w, --width <bytes>', 'access width: 1, 2, 4 or 8').argParser(parseWidth).default(4);
}

export function rearmOption(): Option {
  return new Option('--rearm <how>', 'how to let the next interrupt through')
    .choices(['auto', 'irqcontrol', 'disintx', 'none'])
    .default('auto');
}

export function collect(value: string, previous: string[] = []): string[] {
  return [...previous, value];
}

export function backendOption(): Option {
  return new Option('--backend <backend>', 'how to open the device')
    .choices(['auto', 'group', 'iommufd'])
    .default('auto');
}

export function formatOption(): Option {
  return new Option('--format <format>', 'registers, bytes with ASCII, or raw bytes')
    .choices(['words', 'hex', 'bin'])
    .default('words');
}

export function outputOption(): Option {
  return new Option('-o, --output <file>', 'write to FILE instead of stdout');
}

export function mmapOption(): Option {
  return new Option(
    '--mmap',
    'access a mapping of the region instead of asking the kernel: SIGBUS if the device is off',
  );
}
