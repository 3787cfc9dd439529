/** Runs tests without jest, with the parts of it that tests see: suite.ts makes one file of this and the tests. */
import { writeSync } from 'node:fs';
import { expect } from 'expect';
import { afterAll, afterEach, beforeAll, beforeEach, describe, getState, run, test } from 'jest-circus';
import type { Ended } from './suite';

/** The time that a test has, in the guest on a busy host. */
const PATIENCE_MS = 120_000;

/** Runs the tests that these load, and prints how each ended. */
export async function runAll(files: readonly (() => void)[]): Promise<void> {
  Object.assign(globalThis, { expect, describe, test, beforeAll, beforeEach, afterAll, afterEach });
  for (const load of files) load();
  getState().testTimeout = PATIENCE_MS;
  const { testResults, unhandledErrors } = await run();
  const ended: Ended[] = [
    ...testResults.map(({ testPath, status, errors }) => ({
      name: testPath.slice(1).join(' '),
      status,
      errors: errors.map(String),
    })),
    ...unhandledErrors.map((error) => ({ name: 'between the tests', status: 'done', errors: [String(error)] })),
  ];
  const bytes = Buffer.from(JSON.stringify(ended));
  for (let at = 0; at < bytes.length; ) at += writeSync(1, bytes, at);
}
