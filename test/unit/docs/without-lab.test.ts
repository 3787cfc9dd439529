import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

// `npm test` runs them for everybody, and most have no lab.
test("the lab's tests are skipped, and none fails, where no lab is asked for", () => {
  const root = join(__dirname, '../../..');
  const { UDRV_LAB: _, ...env } = process.env;
  const jest = [join(root, 'node_modules/jest/bin/jest.js'), '--selectProjects', 'lab', '--runInBand'];
  const { stdout, status } = spawnSync(process.execPath, jest, { cwd: root, env, encoding: 'utf8' });
  expect({ status, counts: /^\d+ passed.*$/m.exec(stdout)?.[0] }).toEqual({
    status: 0,
    counts: expect.stringMatching(/^0 passed, 0 failed, [1-9]\d* skipped$/),
  });
});
