import { SysError, UdrvError } from '../../src/errors';

const details = { code: 'EIO', exit: 7, subject: '1-4' } as const;

describe('instanceof UdrvError', () => {
  let other: typeof import('../../src/errors');
  jest.isolateModules(() => {
    other = require('../../src/errors');
  });

  test('holds for the errors of another copy of the module', () => {
    expect(other.UdrvError).not.toBe(UdrvError);
    expect(new other.UdrvError('x', details) instanceof UdrvError).toBe(true);
    expect(new UdrvError('x', details) instanceof other.UdrvError).toBe(true);
    expect(new SysError('open', 'EIO', '/x') instanceof other.UdrvError).toBe(true);
  });

  test.each([[null], [undefined], ['text'], [{ exit: 7 }], [new Error('x')]])('does not hold for %p', (value) => {
    expect(value instanceof UdrvError).toBe(false);
  });

  test('a subclass knows its own alone', () => {
    class Special extends UdrvError {}
    expect(new Special('x', details) instanceof UdrvError).toBe(true);
    expect(new Special('x', details) instanceof Special).toBe(true);
    expect(new UdrvError('x', details) instanceof Special).toBe(false);
  });
});
