import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { environment } from '../support/environment';
import { describeWith } from '../support/requires';
import { plant, scratch, usbDevice } from './tree';
import { PATIENCE, UDRV, udrv } from './udrv';

// Each shell itself completes: bash and zsh on a terminal, as they do for a person, fish with the command that it has
// for that.

// Each of some cases starts udrv.
jest.setTimeout(3 * PATIENCE);

const directory = scratch();
const bin = join(directory, 'bin');
mkdirSync(bin);
symlinkSync(UDRV, join(bin, 'udrv'));
const env = environment({ PATH: `${bin}:${process.env['PATH']}`, HOME: directory, TERM: 'dumb' });

/** A product string that a shell must not expand, and a terminal not obey. */
const HOSTILE = 'A"\'$(touch expanded)`touch expanded`;touch expanded\x1b[31m%B\\:[x] | {a,b}';
plant(join(directory, 'tree'), {
  ...usbDevice({ product: `${HOSTILE}\n` }),
  ...usbDevice({ product: 'B\n' }, '1-3'),
  'sys/bus/pci/drivers/$(touch expanded)': 'a directory',
  'sys/bus/pci/drivers/e1000e': 'a directory',
  'sys/bus/pci/drivers/vfio-pci': 'a directory',
});
plant(directory, { 'data/one.bin': '', 'data/two.snapshot': '' });

/** Lines up to the cursor, and the words that may stand there. */
const CASES: readonly (readonly [line: string, ...words: string[]])[] = [
  ['udrv u', 'udev', 'uio', 'unbind', 'usb'],
  ['udrv uio w', 'watch', 'watch-irq', 'write'],
  ['udrv pci ', 'dump', 'help', 'read', 'regs', 'watch', 'write'],
  ['udrv --sim pci read 0000:01', '0000:01:00.0'],
  ['udrv --sim pci dump 0000:02:02.0 ', 'bar0', 'bar1', 'bar4'],
  ['udrv --sim pci watch 0000:00:03.0 ', 'bar0'],
  ['udrv --json --sim uio r', 'read', 'regs'],
  ['udrv help usb cl', 'clear-halt'],
  ['udrv uio dump --fo', '--format'],
  ['udrv list --t', '--timeout', '--trace', '--type'],
  ['udrv usb list --sn', '--snapshot'],
  ['udrv uio dump --format ', 'bin', 'hex', 'words'],
  ['udrv uio dump --format=w', '--format=words'],
  ['udrv --color a', 'always', 'auto'],
  ['udrv uio irq uio0 ', 'disable', 'enable', 'off', 'on'],
  ['udrv --sim read uio0 ', 'map0'],
  ['udrv --sim bench 1-2 0x8', '0x81', '0x82'],
  ['udrv --sim bench r', 'report'],
  ['udrv --sim bench uio', 'uio0', 'uio1', 'uio2', 'uio3'],
  ['udrv --sim bench report uio0 1-2', '1-2'],
  ['udrv bench report --max', '--max-size'],
  ['udrv bench uio0 --rea', '--rearm'],
  ['udrv l', 'list', 'ls'],
  ['udrv completion ', 'bash', 'fish', 'zsh'],
  ['udrv man u', 'udrv', 'uio', 'usb'],
  ['udrv --sim uio show ', 'uio0', 'uio1', 'uio2', 'uio3'],
  ['udrv --sim vfio show ', '0000:00:03.0', '0000:02:01.0'],
  ['udrv show 0000:02:0 --sim', '--sim'],
  ['udrv --sim show 0000:02:0', '0000:02:01.0', '0000:02:02.0'],
  ['udrv --sim list --type usb 1-3', '1-3', '1-3.1'],
  ['udrv --sim list uio0 ui', 'uio1', 'uio2', 'uio3'],
  ['udrv uio read -w 2 --sim uio0 ', 'map0'],
  ['udrv vfio dump --sim 0000:00:03.0 ', 'bar0', 'config'],
  ['udrv --sim usb bulk 1-2 0x8', '0x81'],
  ['udrv --sim usb int 1-2 0', '0'],
  ['udrv --sim usb detach 1-2', '1-2:1.0'],
  ['udrv --sim usb detach 1-3:', '1-3:1.0'],
  ['udrv --sim bind 0000:00:04.0 vf', 'vfio-pci'],
  ['udrv --sim bind fed6', 'fed60100.timer'],
  ['udrv --sim bind fed60100.timer uio_p', 'uio_pdrv_genirq'],
  ['udrv --sim list --type platform d', 'dummy_hcd.0'],
  ['udrv snapshot -o data/', 'data/one.bin', 'data/two.snapshot'],
  ['udrv --snapshot data/t', 'data/two.snapshot'],
  ['udrv usb bulk 1-2 0x01 --data @data/o', '@data/one.bin'],
  ['udrv --sysroot tr', 'tree'],
  ['udrv --sysroot tree usb show ', '1-2', '1-3'],
  ['udrv --sysroot tree bind 0000:00:03.0 ', 'e1000e', 'vfio-pci'],
  ["udrv --sysroot 'tree' usb show 1-2", '1-2'],
  // Nothing is known, and nothing is said about it.
  ['udrv uio read uio0 map0 0', '0'],
  ['udrv --snapshot nowhere show x', 'x'],
  ['udrv --sim uio read nothing x', 'x'],
  ['udrv frobnicate x', 'x'],
];

const lines = CASES.map(([line]) => line);
const expected = CASES.map(([line, ...words]) => ({ line, words }));

/** Makes what is to be compared: a shell offers in its own order, a directory with `/` or without. */
const outcome = (offered: readonly (readonly string[])[]) =>
  lines.map((line, i) => ({ line, words: (offered[i] ?? []).map((word) => word.replace(/\/$/, '')).sort() }));

function scriptOf(shell: string): string {
  const path = join(directory, `udrv.${shell}`);
  writeFileSync(path, spawnSync(UDRV, ['completion', shell], { env, encoding: 'utf8' }).stdout);
  return path;
}

/** Runs a shell on a terminal, and types lines into it. @returns the arguments that `show` printed for each */
function typed(shell: string, setup: string, keys: string, given: readonly string[]): Promise<string[][]> {
  const child = spawn('script', ['-qec', shell, '/dev/null'], { env: { ...env, SHELL: '/bin/sh' }, cwd: directory });
  let shown = '';
  let sent = 0;
  const found = () => Array.from(shown.matchAll(/<<(.*?)>>/g), ([, words = '']) => words.split('|'));
  child.stdin.write(`${setup}; show ready\n`);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', () => resolve(found().slice(1)));
    child.stdout.setEncoding('utf8').on('data', (text) => {
      shown += text;
      // The setup has no answer of its own in it: `show` prints the first.
      if (found().length <= sent) return;
      // To the start of the line, after which it is an argument.
      const next = given[sent++];
      child.stdin.write(next === undefined ? 'exit\n' : `${next}${keys}\x01show \n`);
    });
  });
}

/** The words from the one at the cursor on. */
function offeredOf(words: readonly string[], line: string): string[] {
  return words.slice(line.split(' ').length - 1);
}

describeWith('bash', 'bash', () => {
  /** Cuts a line as bash does for COMP_WORDS. */
  function pieces(line: string): string[] {
    const found = line.match(/"[^"]*"?|'[^']*'?|[:=@]+|[^\s:=@'"]+/g) ?? [];
    return /\s$/.test(line) ? [...found, ''] : found;
  }

  test('offers what may follow', () => {
    const path = scriptOf('bash');
    const calls = lines.map((line) => {
      const words = pieces(line);
      const quoted = words.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(' ');
      return `COMP_WORDS=(${quoted}) COMP_CWORD=${words.length - 1} COMP_POINT=${line.length} COMP_LINE=${JSON.stringify(line)}
        _udrv; printf '%s\\n' "\${COMPREPLY[@]}"; echo '--'`;
    });
    const { stdout, stderr } = spawnSync(
      'bash',
      ['--norc', '-c', `compopt() { :; }; source ${path}\n${calls.join('\n')}`],
      {
        env,
        cwd: directory,
        encoding: 'utf8',
      },
    );
    expect(stderr).toBe('');
    const offered = stdout.split('--\n').map((part, i) => {
      const word = lines[i]?.split(' ').at(-1) ?? '';
      // Readline keeps what stands before.
      const kept = /^.*[:=]/.exec(word)?.[0] ?? '';
      const replies = part.split('\n').filter((reply) => reply !== '');
      return replies.length === 0 && word !== '' ? [word] : replies.map((reply) => kept + reply);
    });
    expect(outcome(offered)).toEqual(expected);
    expect(existsSync(join(directory, 'expanded'))).toBe(false);
  });

  // biome-ignore lint/suspicious/noTemplateCurlyInString: of bash
  test.each(['set +o posix', 'COMP_WORDBREAKS=${COMP_WORDBREAKS//:}'])(
    'completes on a terminal: %s',
    async (setting) => {
      const show = `show() { local IFS='|'; printf '<''<%s>''>\\n' "$*"; }`;
      const given = [
        'udrv uio rea',
        'udrv --sim show 0000:00:03',
        'udrv --sim usb detach 1-2:',
        'udrv uio dump --format=w',
        'udrv --sysroot tree usb show 1-2',
        'udrv usb bulk 1-2 0x01 --data @data/o',
      ];
      const words = await typed('bash --norc -i', `source ${scriptOf('bash')}; ${setting}; ${show}`, '\t', given);
      expect(words.map((all) => all.join(' '))).toEqual([
        'udrv uio read',
        'udrv --sim show 0000:00:03.0',
        'udrv --sim usb detach 1-2:1.0',
        'udrv uio dump --format=words',
        'udrv --sysroot tree usb show 1-2',
        'udrv usb bulk 1-2 0x01 --data @data/one.bin',
      ]);
      expect(existsSync(join(directory, 'expanded'))).toBe(false);
    },
  );
});

describeWith('zsh', 'zsh', () => {
  const setup = (path: string) => [
    'autoload -Uz compinit',
    'compinit -u -D',
    `source ${path}`,
    // A key that inserts all that completion offers.
    "zstyle ':completion:all-matches:*' completer _all_matches _complete",
    "zstyle ':completion:all-matches:*' insert true",
    'zle -C all-matches complete-word _generic',
    "bindkey '^X^A' all-matches",
    // biome-ignore lint/suspicious/noTemplateCurlyInString: of zsh
    "show() { print -r -- '<''<'${(j:|:)@}'>''>' }",
  ];

  test('offers what may follow, on a terminal', async () => {
    const words = await typed('zsh -f -i', setup(scriptOf('zsh')).join('; '), '\x18\x01', lines);
    expect(outcome(words.map((all, i) => offeredOf(all, lines[i] ?? '')))).toEqual(expected);
    expect(existsSync(join(directory, 'expanded'))).toBe(false);
  });
});

describeWith('fish', 'fish', () => {
  test('offers what may follow', () => {
    const code = 'source $argv[1]; for line in $argv[2..]; complete -C $line; echo ==; end';
    const { stdout, stderr } = spawnSync('fish', ['-N', '-c', code, scriptOf('fish'), ...lines], {
      env,
      cwd: directory,
      encoding: 'utf8',
    });
    expect(stderr).toBe('');
    const offered = stdout.split('==\n').map((part, i) => {
      const word = lines[i]?.split(' ').at(-1) ?? '';
      const found = part.split('\n').flatMap((line) => (line === '' ? [] : (line.split('\t')[0] ?? '')));
      return found.length === 0 && word !== '' ? [word] : found;
    });
    expect(outcome(offered)).toEqual(expected);
    expect(existsSync(join(directory, 'expanded'))).toBe(false);
  });
});

describe('candidates', () => {
  test('have a description, which does not drive the terminal', async () => {
    const { stdout } = await udrv(['completion', 'zsh', '--line', 'usb\nshow\n--sysroot\ntree'], { cwd: directory });
    expect(stdout.split('\n')[0]).toBe(`1-2\t${HOSTILE.replace('\x1b', '\\x1b')}`);
    expect(stdout).not.toContain('\x1b');
  });

  test('have none for bash', async () => {
    const { stdout } = await udrv(['--sim', 'completion', 'bash', '--line', '--sim\nuio\nshow']);
    expect(stdout).toBe('uio0\nuio1\nuio2\nuio3\n');
  });

  test('cost no open of a device node', async () => {
    const line = '--sim\nuio\nread\nuio0';
    const { stdout, stderr } = await udrv(['--trace', 'completion', 'fish', '--line', line]);
    expect({ stdout, stderr }).toEqual({ stdout: 'map0\tmmio, 1M\n', stderr: '' });
  });

  test.each(['bash', 'zsh', 'fish'])(
    'the option that asks for them is in no %s script as one to type',
    async (shell) => {
      const { stdout } = await udrv(`completion ${shell}`);
      const own = stdout.split('\n').filter((line) => line.includes('--line') && !line.includes('</dev/null'));
      expect(own).toEqual([]);
    },
  );
});
