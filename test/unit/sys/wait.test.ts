import { SysError } from '../../../src/errors';
import { attempt } from '../../../src/sys/attempt';
import { pause } from '../../../src/sys/wait';

describe('attempt', () => {
  test('gives what the call does', () => {
    expect(attempt(() => 1, null)).toBe(1);
  });

  test('gives the other where a system call fails, and throws every other error', () => {
    const failed = (error: Error) => () =>
      attempt(() => {
        throw error;
      }, null);
    expect(failed(new SysError('open', 'ENOENT', '/sys/x'))()).toBeNull();
    expect(failed(new RangeError('mistake'))).toThrow('mistake');
  });
});

describe('pause', () => {
  test('ends with its time', async () => {
    expect(await pause(1)).toBe('timeout');
    expect(await pause(-1)).toBe('timeout');
  });

  test('ends when it is aborted, and at once where it was before', async () => {
    const abort = new AbortController();
    const paused = pause(60_000, abort.signal);
    abort.abort();
    expect(await paused).toBe('aborted');
    expect(await pause(60_000, abort.signal)).toBe('aborted');
  });
});
