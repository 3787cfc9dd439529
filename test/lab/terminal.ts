import { constants } from 'node:os';
import { join } from 'node:path';
import type { Exit, Guest, OutputName } from './lab';
import { LAB_FOLDER } from './prepared';

/** Runs one command with this process's stdin, stdout and stderr for its own; returns its exit code. */
export async function runCommand(lab: Guest, command: string | readonly string[], user: boolean): Promise<number> {
  const guest = lab.spawn(command, { user, onOutput: show });
  process.stdin.on('data', (chunk: Buffer) => guest.write(chunk));
  process.stdin.on('end', () => guest.closeStdin());
  // The terminal's Ctrl-C is for the command, which may have something to put back. So is a reader that goes away.
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const signal of signals) process.on(signal, () => guest.kill(signal));
  process.stdout.on('error', () => guest.kill('SIGPIPE'));
  try {
    return exitCode(await guest.exit);
  } finally {
    process.stdin.destroy();
    for (const signal of signals) process.removeAllListeners(signal);
  }
}

/** A shell in the guest on this process's terminal; returns its exit code. @param end what Ctrl-D does, in words */
export async function runShell(lab: Guest, user: boolean, end: string): Promise<number> {
  const { TERM = 'dumb' } = process.env;
  process.stdout.write(greeting(lab, end));
  // `script` is what every Debian has that makes a terminal. Its own stdin is none, so it leaves the settings to us.
  const start = `stty sane ${size()}; tty >"$HOME/.tty"; exec bash --rcfile "$BASHRC" -i`;
  const guest = lab.spawn(['script', '--quiet', '--return', '--command', start, '/dev/null'], {
    user,
    onOutput: show,
    env: {
      BASHRC: join(LAB_FOLDER, 'guest/bashrc'),
      SHELL: '/bin/bash',
      TERM,
    },
  });
  process.stdin.setRawMode(true);
  process.stdin.on('data', (chunk: Buffer) => guest.write(chunk));
  process.stdout.on('resize', () => lab.spawn(`stty -F "$(cat ~/.tty)" ${size()}`, { user }).closeStdin());
  try {
    return exitCode(await guest.exit);
  } finally {
    process.stdin.setRawMode(false);
    process.stdin.destroy();
    process.stdout.removeAllListeners('resize');
  }
}

function show(name: OutputName, chunk: Buffer): void {
  process[name].write(chunk);
}

function size(): string {
  const { rows, columns } = process.stdout;
  return rows && columns ? `rows ${rows} cols ${columns}` : '';
}

/** Returns the exit code that a shell would have. */
function exitCode({ code, signal }: Exit): number {
  return code ?? 128 + (signal ? constants.signals[signal] : 0);
}

function greeting({ kernel, release }: Guest, end: string): string {
  const devices = [
    ['uio0', 'edu at 0000:00:04.0', 'udrv uio read uio0 map0 0x0'],
    ['0000:00:03.0', `edu on vfio-pci${kernel !== 'stock' ? ', vfio0' : ''}`, 'udrv show 0000:00:03.0'],
    ['0000:02:01.0', 'edu, its group not viable', 'udrv vfio groups'],
    ['1-3 to 1-7', 'hub, keyboard, disk, audio', 'udrv list --type usb'],
    ['3-1', 'gadget zero, source and sink', 'udrv show 3-1'],
  ] as const;
  return [
    `Linux ${release} in QEMU. The files are this host's, read-only; /tmp and ~ are the guest's. Ctrl-D ${end}.`,
    ...devices.map(([address, what, command]) => `  ${address.padEnd(14)}${what.padEnd(30)}${command}`),
    '',
  ].join('\n');
}
