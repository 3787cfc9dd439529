import { type Part, Together } from '../../../src/cli/fleet/together';

const print = (parts: readonly Part<string>[]) => parts.map(({ host, part }) => `${host}: ${part}\n`).join('');

test('parts of several hosts stand in the order of the hosts', () => {
  const together = new Together();
  together.of('b')('second', print);
  together.of('a')('first', print);
  expect(together.text(['a', 'b', 'c'])).toBe('a: first\nb: second\n');
  expect(new Together().text(['a'])).toBe('');
});

test('a part of a reading that was not whole is not shown', () => {
  const together = new Together();
  together.of('a')('half', print);
  together.of('b')('half', print);
  // The command ran again and failed, and the connection broke.
  together.of('a');
  together.forget('b');
  expect(together.text(['a', 'b'])).toBe('');
});
