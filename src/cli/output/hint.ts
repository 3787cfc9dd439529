import { shellWord } from '../../text/shell';

/** The machine that a command works with; this one where none is given. */
export interface MachineOptions {
  /** The simulated one: a new one each time, or that of a file. */
  readonly sim?: boolean | string;
  readonly snapshot?: string;
  readonly sysroot?: string;
  /** Other hosts, which are read over the network. */
  readonly host?: string | readonly string[];
  /** The environment names it: commands need not. */
  readonly isFromEnvironment?: boolean;
}

/** Separates the pieces of advice in a hint. `run as root, or: ...` is one piece: the rest is of no use to root either. */
const BETWEEN = /(; (?:else: |or )?|(?<!root), or:? )/;
/** Commands and advice for the machine on which udrv runs. */
const FOR_THIS_MACHINE =
  /\bsudo (?!udrv\b)|(?:^|[:?] )(?:cat|ls|echo|kill|umount|swapoff|modprobe|dmesg|btrfs) |\b(?:run (?:it )?as root|with sudo|container|firmware)\b|\/etc\//;
const FOR_ROOT = /\b(?:run (?:it )?as root|with sudo)\b/;
/** Commands that a recorded machine can answer. */
const INSPECTS =
  /\budrv (?:list|show|doctor|report|config|groups|(?:uio|vfio|usb) (?:list|show)|vfio (?:groups|config))\b/;
/** A command of udrv that works with a machine; its name in a sentence is none, nor is a usage line, or one that decodes a file. */
const COMMAND =
  /(?<!usage: )(?:\bsudo )?\budrv (?=(?:bench|bind|config|do|doctor|dump|groups|info|irq|list|ls|monitor|pci|read|regs|report|reset|restore|run|shell|show|snapshot|uio|udev|unbind|usb|vfio|watch|watch-irq|write)\b)(?!vfio config --file)/;
/** Commands of udrv that only root can run; a synopsis has its operands in capitals. */
const NEEDS_ROOT = /(?<!\bsudo )\budrv (?=(?:bind|unbind|restore|vfio vf) [^A-Z])/g;

/**
 * Completes the commands in a hint. The library writes them for the machine on which it runs (`sudo udrv bind
 * 0000:01:00.0 vfio-pci`); typed as they are for another machine, they would change this one.
 *
 * @param machine the one that the command worked with: its commands of udrv name it, and others are left out; a recorded
 *   one can only be inspected
 * @param isRoot whether sudo is of no use
 * @returns undefined where nothing is left
 */
export function completeHint(hint: string | undefined, machine: MachineOptions, isRoot: boolean): string | undefined {
  if (hint === undefined) return undefined;
  const isForAny = (advice: string) => !FOR_THIS_MACHINE.test(advice);
  if (isOnlyInspected(machine))
    return nameMachine(
      keep(hint, (advice) => isForAny(advice) && (!COMMAND.test(advice) || INSPECTS.test(advice))),
      machine,
    );
  if (machine.sim) return nameMachine(keep(hint, isForAny), machine);
  if (!isRoot) return hint.replace(NEEDS_ROOT, 'sudo udrv ');
  return keep(hint, (advice) => !FOR_ROOT.test(advice))?.replace(/\bsudo (?=\S)/g, '');
}

/** Tells whether a machine can be looked at and nothing else: a copy, or another host. */
export function isOnlyInspected({ snapshot, sysroot, host }: MachineOptions): boolean {
  return snapshot !== undefined || sysroot !== undefined || host !== undefined;
}

/** Puts the option that names the machine into the commands of udrv in a text; sudo is for this machine alone. */
export function nameMachine<T extends string | undefined>(text: T, machine: MachineOptions): T {
  const option = optionOf(machine);
  return option === null ? text : (text?.replace(new RegExp(COMMAND, 'g'), () => `udrv ${option}`) as T);
}

/** Returns the option that names a machine, with a blank behind it; null for this machine. */
function optionOf({ sim, snapshot, sysroot, host, isFromEnvironment }: MachineOptions): string | null {
  if (host !== undefined) return `--host ${shellWord([host].flat().join(','))} `;
  if (sysroot !== undefined) return `--sysroot ${shellWord(sysroot)} `;
  if (snapshot !== undefined) return `--snapshot ${shellWord(snapshot)} `;
  if (!sim) return null;
  if (isFromEnvironment) return '';
  return typeof sim === 'string' ? `--sim=${shellWord(sim)} ` : '--sim ';
}

/** Leaves out pieces of advice. */
function keep(hint: string, isMeant: (advice: string) => boolean): string | undefined {
  const parts = hint.split(BETWEEN);
  let kept: string | undefined;
  for (let i = 0; i < parts.length; i += 2) {
    const advice = parts[i] ?? '';
    if (isMeant(advice)) kept = kept === undefined ? advice : `${kept}${parts[i - 1]}${advice}`;
  }
  return kept;
}
