import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { CHECKOUT } from './prepared';

/** A boot, on a busy host. */
const BOOT_MS = 200_000;

const { UDRV_LAB: wanted = '' } = process.env;
const described = wanted === '1' || wanted === 'built' ? describe : describe.skip;

/** Does what `npm run lab` does, without a build: other tests run what is built. */
function lab(args: readonly string[], input = '') {
  const main = [join(CHECKOUT, 'test/run-ts.cjs'), join(CHECKOUT, 'test/lab/main.ts')];
  const { status, stdout, stderr } = spawnSync(process.execPath, [...main, ...args], {
    encoding: 'utf8',
    input,
    timeout: BOOT_MS,
  });
  return { status, stdout, stderr };
}

described('npm run lab -- --keep', () => {
  const bootId = ['cat', '/proc/sys/kernel/random/boot_id'];
  afterAll(() => lab(['--stop']));

  test(
    'has one guest go on for the commands that follow, until --stop',
    () => {
      const first = lab(['--keep', ...bootId]);
      expect(first).toEqual({ status: 0, stdout: expect.stringMatching(/^[0-9a-f-]{36}\n$/), stderr: '' });
      expect(lab(bootId)).toEqual(first);
      expect(lab(['--keep'])).toMatchObject({ status: 0, stdout: '', stderr: expect.stringContaining('goes on') });
      expect(lab(['tr a-z A-Z; echo end >&2; exit 7'], 'text\n')).toEqual({
        status: 7,
        stdout: 'TEXT\n',
        stderr: 'end\n',
      });
      expect(lab(['--user', 'id', '-u']).stdout).toBe('1000\n');
      expect(lab(['--stop']).stderr).toBe('lab: 1 ended\n');
      expect(lab(['--stop']).stderr).toBe('lab: no guest was kept\n');
    },
    BOOT_MS,
  );

  test(
    'is booted anew where its keeper was killed',
    () => {
      const first = lab(['--keep', ...bootId]).stdout;
      spawnSync('pkill', ['-KILL', '-f', `${join(CHECKOUT, 'test/lab/keeper.ts')} vt-d built`]);
      const second = lab(['--keep', ...bootId]).stdout;
      expect(second).toMatch(/^[0-9a-f-]{36}\n$/);
      expect(second).not.toBe(first);
    },
    BOOT_MS,
  );
});
