import { acquiring, Cleanup, closing, laterFailures, withLater } from '../../src/cleanup';

function recorded(cleanup: Cleanup, names: string[], failing: readonly string[] = []): void {
  for (const name of ['first', 'second', 'third'])
    cleanup.defer(() => {
      names.push(name);
      if (failing.includes(name)) throw new Error(name);
    });
}

describe('Cleanup', () => {
  it('undoes in reverse order, once', () => {
    const names: string[] = [];
    const cleanup = new Cleanup();
    recorded(cleanup, names);
    cleanup.close();
    cleanup.close();
    expect(names).toEqual(['third', 'second', 'first']);
  });

  it('goes on past a failure, throws the first and keeps the others', () => {
    const names: string[] = [];
    const cleanup = new Cleanup();
    recorded(cleanup, names, ['third', 'first']);
    const error = thrown(() => cleanup.close());
    expect(error).toEqual(new Error('third'));
    expect(names).toEqual(['third', 'second', 'first']);
    expect(laterFailures(error)).toEqual([new Error('first')]);
    expect(() => cleanup.close()).not.toThrow();
  });

  it('runs what a step adds', () => {
    const names: string[] = [];
    const cleanup = new Cleanup();
    cleanup.defer(() => cleanup.defer(() => names.push('late')));
    cleanup.close();
    expect(names).toEqual(['late']);
  });

  it('closes at the end of a using block, and what it owns', () => {
    const resource = { closed: 0, close: () => void resource.closed++ };
    {
      using cleanup = new Cleanup();
      expect(cleanup.own(resource)).toBe(resource);
      expect(resource.closed).toBe(0);
    }
    expect(resource.closed).toBe(1);
  });
});

function thrown(body: () => unknown): unknown {
  try {
    body();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was thrown');
}

test('the failures of a failure go with the error that came first', () => {
  const inner = new Cleanup();
  recorded(inner, [], ['third', 'second']);
  const error = closing(inner, new Error('work'));
  expect(laterFailures(closing({ close: () => {} }, error))).toEqual([new Error('third'), new Error('second')]);
});

describe('acquiring', () => {
  it('gives back what was taken where the next step fails, and throws that error with what failed then', () => {
    const names: string[] = [];
    const acquire = (cleanup: Cleanup) => {
      recorded(cleanup, names, ['second']);
      throw new Error('no more');
    };
    const error = thrown(() => acquiring(acquire));
    expect(error).toEqual(new Error('no more'));
    expect(names).toEqual(['third', 'second', 'first']);
    expect(laterFailures(error)).toEqual([new Error('second')]);
  });

  it('leaves what was taken to its owner where all went well', () => {
    const names: string[] = [];
    const cleanup = acquiring((cleanup) => {
      recorded(cleanup, names);
      return cleanup;
    });
    expect(names).toEqual([]);
    cleanup.close();
    expect(names).toHaveLength(3);
  });
});

test('a failure that is thrown again and again is one', () => {
  const failure = new Error('it broke');
  const cleanup = new Cleanup();
  for (let i = 0; i < 3; i++)
    cleanup.defer(() => {
      throw failure;
    });
  expect(laterFailures(closing(cleanup, failure))).toEqual([]);
  const other = withLater(new Error('other'), [failure]);
  withLater(failure, [other]);
  expect(laterFailures(failure)).toEqual([other]);
});
