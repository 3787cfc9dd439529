import type { OutputStream } from '../../../src/cli/output/stream';
import { exitOf, failuresIn, report } from '../../../src/cli/program/report';
import { Exit, SysError, usageError } from '../../../src/errors';

const boom = new SysError('read', 'EIO', '/data');
const full = new SysError('close', 'ENOSPC', '/out');

/** The error that `using` makes where the disposal fails too. */
function ofUsing(disposal: Error, first: Error): unknown {
  return caught(() => {
    using _resource = { [Symbol.dispose]: () => raise(disposal) };
    throw first;
  });
}

test('the errors of a cleanup that fails come after the one that led to it', () => {
  expect(failuresIn(boom)).toEqual([boom]);
  expect(failuresIn(ofUsing(full, boom))).toEqual([boom, full]);
  // Two disposals that fail, one after the other.
  const two = () => {
    using _outer = { [Symbol.dispose]: () => raise(usageError('outer', 'fails')) };
    using _inner = { [Symbol.dispose]: () => raise(full) };
    throw boom;
  };
  expect(failuresIn(caught(two))).toEqual([boom, full, usageError('outer', 'fails')]);
});

test('the first keeps its line, its hint and its exit code, and each later one has a line', () => {
  let shown = '';
  const write = (text: string) => {
    shown += text;
  };
  const stderr = { write } as unknown as OutputStream;
  const first = usageError('--data', 'is missing', 'give some');
  const [error, ...later] = failuresIn(ofUsing(full, first));
  report(error, later, stderr, { asJson: false, debug: false, machine: {} });
  expect(shown).toBe(
    'udrv: --data: is missing\nhint: give some\nudrv: /out: closing it failed: no space left on device (ENOSPC)\n',
  );
  expect(exitOf(error)).toBe(Exit.usage);
  shown = '';
  report(error, later, stderr, { asJson: true, debug: false, machine: {} });
  expect(
    shown
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).error.code),
  ).toEqual(['EUSAGE', 'ENOSPC']);
});

function raise(error: Error): never {
  throw error;
}

function caught(body: () => void): unknown {
  try {
    body();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was thrown');
}
