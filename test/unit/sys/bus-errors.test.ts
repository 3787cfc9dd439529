import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { handlerCode } from '../../../src/sys/linux/bus-errors';

const SOURCES = join(__dirname, 'bus-errors');
const folder = mkdtempSync(join(tmpdir(), 'udrv-bus-errors-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** The assembler of each architecture, which Debian has for machines of the other one. */
const TOOLS = { x64: 'x86_64-linux-gnu', arm64: 'aarch64-linux-gnu' } as const;
const isHere = (architecture: keyof typeof TOOLS) => spawnSync(`${TOOLS[architecture]}-as`, ['--version']).status === 0;

describe.each(['x64', 'arm64'] as const)('the handler for %s', (architecture) => {
  (isHere(architecture) ? test : test.skip)('is what its source assembles to', () => {
    const [object, code] = [join(folder, `${architecture}.o`), join(folder, `${architecture}.bin`)];
    for (const [tool, ...args] of [
      ['as', '-o', object, join(SOURCES, `${architecture}.s`)],
      ['objcopy', '-O', 'binary', '-j', '.text', object, code],
    ]) {
      const { status, stderr } = spawnSync(`${TOOLS[architecture]}-${tool}`, args, { encoding: 'utf8' });
      expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    }
    expect(handlerCode(architecture)?.toString('hex')).toBe(readFileSync(code).toString('hex'));
  });
});

const survive = (how: string) => {
  const file = join(folder, how);
  writeFileSync(file, Buffer.alloc(4096, 0x5a));
  const { stdout, stderr, status, signal } = spawnSync(
    process.execPath,
    ['test/run-ts.cjs', 'test/unit/sys/bus-errors/survive.ts', file, how],
    { encoding: 'utf8' },
  );
  return { stdout: stdout.split('\n').slice(0, -1), stderr, status, signal };
};

const ANSWERED = `${0x5a5a5a5a}`;

test('an access that nothing answers is an error of its mapping alone', () => {
  expect(survive('guarded')).toEqual({
    stdout: [
      ANSWERED,
      'first: 1 at 0',
      'first: 4 at -4096',
      'second: 4 at 8',
      'fourth: 8 at 16',
      'fourth: 8 at 16',
      ANSWERED,
      'end',
    ],
    stderr: '',
    status: 0,
    signal: null,
  });
});

test('any other ends the process, as it does without', () => {
  expect(survive('stray')).toMatchObject({ signal: 'SIGBUS', stderr: '' });
  expect(survive('default')).toMatchObject({ stdout: [ANSWERED], signal: 'SIGBUS', stderr: '' });
});
