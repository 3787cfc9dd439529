import { MemoryTree } from '../../../src/sys/tree/memory-tree';

const file = (text: string) => ({ kind: 'file', read: () => Buffer.from(text) }) as const;

test('an entry below one that cannot be read makes it a directory that cannot be listed', () => {
  const tree = new MemoryTree();
  tree.set('/proc/1', { kind: 'error', code: 'EACCES' });
  expect(() => tree.readFile('/proc/1/comm', 10)).toThrow(expect.objectContaining({ code: 'EACCES' }));
  expect(tree.access('/proc/1')).toBe('none');
  tree.set('/proc/1/comm', file('init\n'));
  expect(tree.readFile('/proc/1/comm', 10).toString()).toBe('init\n');
  expect(() => tree.readDir('/proc/1')).toThrow(expect.objectContaining({ code: 'EACCES' }));
  expect(tree.readDir('/proc')).toEqual(['1']);
  expect(() => tree.readFile('/proc/1/absent', 10)).toThrow(expect.objectContaining({ code: 'ENOENT' }));
});

test('an entry that cannot be read takes the place of what was there', () => {
  const tree = new MemoryTree();
  tree.set('/sys/a/b', file('x'));
  tree.set('/sys/a', { kind: 'error', code: 'EIO' });
  expect(() => tree.readFile('/sys/a/b', 10)).toThrow(expect.objectContaining({ code: 'EIO' }));
  expect(() => tree.readDir('/sys/a')).toThrow(expect.objectContaining({ code: 'EIO' }));
});

test('nothing is put below a file', () => {
  const tree = new MemoryTree();
  tree.set('/sys/a', file('x'));
  expect(() => tree.set('/sys/a/b', file('y'))).toThrow(RangeError);
  expect(() => tree.readFile('/sys/a/b', 10)).toThrow(expect.objectContaining({ code: 'ENOTDIR' }));
});
