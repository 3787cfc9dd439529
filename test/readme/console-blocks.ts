/**
 * The sessions that papers show: blocks of ```console, in which a line that begins with `$ ` is a command and what
 * follows is its output. All of a paper are one shell, on one simulated machine that remembers (UDRV_SIM).
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The papers with such blocks. */
export const PAPERS = ['README.md', 'BRING-UP.md'] as const;

const ROOT = join(__dirname, '../..');
const BLOCK = /^```console\n([\s\S]*?)^```$/gm;
/** Stands for the rest of a long output. */
const CUT = '...';
/** Lines that are shown of a long output. */
const MAX_LINES = 24;

/** Returns a document with the output of each of its commands as it is now. */
export function withOutputs(document: string): string {
  const shell = new Shell();
  try {
    return document.replaceAll(BLOCK, (_, block: string) => `\`\`\`console\n${shell.run(commandsIn(block))}\`\`\``);
  } finally {
    shell.close();
  }
}

/** Makes two runs comparable: times differ, the bars of histograms, and with them the columns. */
export function withoutTimes(document: string): string {
  return document
    .replaceAll(/^beyond the 99th percentile:\n/gm, '')
    .replaceAll(/^ *\.{3}\n/gm, '')
    .replaceAll(/^ *[\d.]+ (?:ns|us|ms|s)(?: [#▏▎▍▌▋▊▉█]+)? \d+\n/gmu, '')
    .replaceAll(/\d+(?:\.\d+)? (?:us|ms|s)\b/g, 'TIME')
    .replaceAll(/ {2,}/g, '  ');
}

/** Returns the commands of a block. A backslash at the end of a line continues it. */
export function commandsIn(block: string): string[] {
  return Array.from(block.matchAll(/^\$ ((?:.*\\\n)*.*)$/gm), ([, command = '']) => command);
}

class Shell {
  readonly #folder = mkdtempSync(join(tmpdir(), 'udrv-readme-'));

  constructor() {
    const udrv = join(this.#folder, 'udrv');
    writeFileSync(udrv, `#!/bin/sh\nexec "${process.execPath}" "${join(ROOT, 'bin/udrv')}" "$@"\n`);
    chmodSync(udrv, 0o755);
    symlinkSync(join(ROOT, 'fixtures'), join(this.#folder, 'fixtures'));
  }

  run(commands: readonly string[]): string {
    return commands.map((command) => `$ ${command}\n${this.#output(command)}`).join('');
  }

  /** Standard output and error on a terminal of 80 columns, without colours. */
  #output(command: string): string {
    const { stdout, error } = spawnSync('script', ['-qec', `stty cols 80 rows 50; ${command}`, '/dev/null'], {
      cwd: this.#folder,
      encoding: 'utf8',
      timeout: 60_000,
      env: {
        PATH: `${this.#folder}:/usr/bin:/bin`,
        SHELL: '/bin/bash',
        HOME: this.#folder,
        LANG: 'C.UTF-8',
        TERM: 'xterm',
        NO_COLOR: '1',
        UDRV_PAGER: 'cat',
        UDRV_SIM: join(this.#folder, 'machine'),
      },
    });
    if (error) throw error;
    // A status line is erased before the output goes on.
    const text = stdout.replaceAll('\r\n', '\n').replaceAll(/^.*\r\x1b\[K/gm, '');
    const lines = text.split('\n');
    return lines.length <= MAX_LINES + 1 ? text : [...lines.slice(0, MAX_LINES), CUT, ''].join('\n');
  }

  close(): void {
    rmSync(this.#folder, { recursive: true });
  }
}
