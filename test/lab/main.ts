/** `npm run lab`: a guest for a person, or for one command. */
import { writeFileSync } from 'node:fs';
import { type Answers, bootAndAsk, CASES, type Case, page, TABLE } from './answers';
import { findKept, keep, stopKept } from './kept';
import { bootLab, type Guest, KERNELS, type Kernel, LabError, MACHINES, type MachineName } from './lab';
import { findPrepared, kernelsFor, prepare, preparedNames } from './prepared';
import { runCommand, runShell } from './terminal';

const USAGE = `usage: npm run lab -- [--machine NAME] [--kernel NAME] [--user] [COMMAND [ARGUMENT...]]
       npm run lab -- --keep [--machine NAME] [--kernel NAME] [COMMAND [ARGUMENT...]]
       npm run lab -- --stop | --list | --table

Boots Linux in QEMU with devices for udrv to drive, and this checkout's udrv in PATH.
Without COMMAND: a shell. With it: its output, and its exit code. A single argument may be
anything a shell takes, such as 'udrv list | head'.

  --machine NAME   one of those that --list prints (vt-d if not given)
  --kernel NAME    built, stock or newer (built if not given)
  --user           as uid 1000 instead of root
  --keep           has the guest go on: later commands for the same machine and kernel run in
                   it, without a boot; it ends by --stop, or two hours after the last
  --stop           ends the guests of this checkout that go on
  --list           prints machines and kernels
  --table          boots each machine and writes test/lab/MACHINES.md
`;

const KERNEL_TITLES: Readonly<Record<Kernel, string>> = {
  stock: "Debian 12's own, with modules: VFIO groups only",
  built: 'Linux 6.12 with iommufd, VFIO cdevs and no-IOMMU mode',
  newer: "the newest of Debian 13's backports, configured as built",
};

const EXIT_USAGE = 2;
/** The exit code of a failure of the lab, not of the command: ssh has the same for its connection. */
const EXIT_LAB = 255;

interface Arguments {
  readonly machine: MachineName;
  readonly kernel: Kernel;
  readonly user: boolean;
  readonly keep: boolean;
  readonly command: readonly string[];
}

/** Undefined: not understood. Options end where the command begins: what follows is the command's own. */
function parse(argv: readonly string[]): Arguments | undefined {
  const rest = [...argv];
  let machine: MachineName | undefined = 'vt-d';
  let kernel: Kernel | undefined = 'built';
  let user = false;
  let keep = false;
  while (rest[0]?.startsWith('-')) {
    const option = rest.shift();
    if (option === '--') break;
    if (option === '--user') user = true;
    else if (option === '--keep') keep = true;
    else if (option === '--kernel') kernel = nameIn(KERNELS, rest.shift());
    else if (option === '--machine') machine = nameIn(MACHINE_NAMES, rest.shift());
    else return undefined;
  }
  return kernel && machine && { machine, kernel, user, keep, command: rest };
}

const MACHINE_NAMES = Object.keys(MACHINES) as MachineName[];

function nameIn<T extends string>(names: readonly T[], wanted: string | undefined): T | undefined {
  return names.find((name) => name === wanted);
}

/** Returns the lines of `--list`. */
function list(): string {
  const machines = MACHINE_NAMES.map((name) => {
    const { title, architecture } = MACHINES[name];
    return [name, kernelsFor(architecture).join(' '), title];
  });
  const kernels = KERNELS.map((name) => [name, '', KERNEL_TITLES[name]]);
  const rows = [['machine', 'kernels', ''], ...machines, [], ['kernel', '', ''], ...kernels];
  return rows
    .map(([name = '', of = '', title = '']) => `${name.padEnd(14)}${of.padEnd(19)}${title}`.trimEnd())
    .join('\n');
}

/** Makes what a guest needs and is not there yet. */
function makeReady({ machine, kernel }: Case): void {
  const { architecture } = MACHINES[machine];
  if (findPrepared(kernel, architecture)) return;
  const names = preparedNames(kernel, architecture);
  process.stderr.write(`lab: making it now, once (test/lab/prepare ${names.join(' ')})\n`);
  prepare(names);
}

async function main(argv: readonly string[]): Promise<number> {
  if (argv[0] === '--help' || argv[0] === '-h') {
    process.stdout.write(USAGE);
    return 0;
  }
  if (argv[0] === '--list') {
    process.stdout.write(`${list()}\n`);
    return 0;
  }
  if (argv[0] === '--stop') {
    const count = await stopKept();
    process.stderr.write(`lab: ${count === 0 ? 'no guest was kept' : `${count} ended`}\n`);
    return 0;
  }
  if (argv[0] === '--table') {
    const all: Answers[] = [];
    for (const wanted of CASES) {
      process.stderr.write(`lab: ${wanted.machine} with the kernel ${wanted.kernel}\n`);
      makeReady(wanted);
      all.push(await bootAndAsk(wanted));
    }
    writeFileSync(TABLE, page(all));
    return 0;
  }
  const parsed = parse(argv);
  if (!parsed) {
    process.stderr.write(USAGE);
    return EXIT_USAGE;
  }
  const { machine, kernel, command } = parsed;
  makeReady(parsed);
  const kept = (await findKept(parsed)) ?? (parsed.keep ? await keep(parsed) : undefined);
  if (parsed.keep && command.length === 0) {
    process.stderr.write(`lab: Linux ${kept?.release} goes on until npm run lab -- --stop\n`);
    return 0;
  }
  if (kept !== undefined) return await runIn(kept, parsed, 'leaves it');
  const lab = await bootLab({ machine, kernel, live: isShell(parsed) });
  try {
    return await runIn(lab, parsed, 'powers off');
  } finally {
    await lab.shutdown();
  }
}

function isShell({ command }: Arguments): boolean {
  return command.length === 0 && process.stdin.isTTY;
}

/** Runs the command in a guest, or a shell. @param end what the end of the shell does, in words */
async function runIn(guest: Guest, parsed: Arguments, end: string): Promise<number> {
  const { command, user } = parsed;
  if (guest.setupLog) process.stderr.write(`lab: the guest is not quite as it should be:\n${guest.setupLog}`);
  if (isShell(parsed)) return await runShell(guest, user, end);
  if (command.length === 0) return await runCommand(guest, ['bash'], user);
  return await runCommand(guest, command.length === 1 ? `${command[0]}` : command, user);
}

main(process.argv.slice(2)).then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    process.stderr.write(`lab: ${error instanceof LabError ? error.message : (error as Error).stack}\n`);
    process.exitCode = EXIT_LAB;
  },
);
