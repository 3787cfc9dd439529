/** `npm run lab`: a guest for a person, or for one command. */
import { bootLab, KERNELS, type Kernel, LabError } from './lab';
import { findPrepared, prepare } from './prepared';
import { runCommand, runShell } from './terminal';

const USAGE = `usage: npm run lab -- [--kernel built|stock] [--user] [COMMAND [ARGUMENT...]]

Boots Linux in QEMU with devices for udrv to drive, and this checkout's udrv in PATH.
Without COMMAND: a shell. With it: its output, and its exit code. A single argument may be
anything a shell takes, such as 'udrv list | head'.

  --kernel built   Linux 6.12 with iommufd and VFIO cdevs (the default)
  --kernel stock   Debian's own, with VFIO groups only
  --user           as uid 1000 instead of root
`;

const EXIT_USAGE = 2;
/** The exit code of a failure of the lab, not of the command: ssh has the same for its connection. */
const EXIT_LAB = 255;

interface Arguments {
  readonly kernel: Kernel;
  readonly user: boolean;
  readonly command: readonly string[];
}

/** Undefined: not understood. Options end where the command begins: what follows is the command's own. */
function parse(argv: readonly string[]): Arguments | undefined {
  const rest = [...argv];
  let kernel: Kernel | undefined = 'built';
  let user = false;
  while (rest[0]?.startsWith('-')) {
    const option = rest.shift();
    if (option === '--') break;
    if (option === '--user') user = true;
    else if (option === '--kernel') kernel = KERNELS.find((name) => name === rest[0]) && (rest.shift() as Kernel);
    else return undefined;
  }
  return kernel && { kernel, user, command: rest };
}

async function main(argv: readonly string[]): Promise<number> {
  if (argv[0] === '--help' || argv[0] === '-h') {
    process.stdout.write(USAGE);
    return 0;
  }
  const parsed = parse(argv);
  if (!parsed) {
    process.stderr.write(USAGE);
    return EXIT_USAGE;
  }
  const { kernel, user, command } = parsed;
  if (!findPrepared(kernel)) {
    process.stderr.write(`lab: making it now, once (test/lab/prepare ${kernel})\n`);
    prepare(kernel);
  }
  const interactive = command.length === 0 && process.stdin.isTTY;
  const lab = await bootLab({ kernel, live: interactive });
  try {
    if (lab.setupLog) process.stderr.write(`lab: the guest is not quite as it should be:\n${lab.setupLog}`);
    if (interactive) return await runShell(lab, user);
    if (command.length === 0) return await runCommand(lab, ['bash'], user);
    return await runCommand(lab, command.length === 1 ? `${command[0]}` : command, user);
  } finally {
    await lab.shutdown();
  }
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
