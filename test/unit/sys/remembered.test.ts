import { SysError } from '../../../src/errors';
import type { SysTree } from '../../../src/sys/sys';
import { RememberedTree } from '../../../src/sys/tree/remembered';

/** A tree that says how often it was asked. */
function counting(file: (path: string) => Buffer): { tree: SysTree; asked: string[] } {
  const asked: string[] = [];
  const ask = <T>(what: string, answer: (path: string) => T) => {
    return (path: string) => {
      asked.push(`${what} ${path}`);
      return answer(path);
    };
  };
  const tree = {
    readFile: ask('file', file),
    readDir: ask('directory', () => ['b', 'a']),
    readLink: ask('link', () => '../target'),
    access: ask('access', () => null),
    permissions: ask('permissions', () => null),
  };
  return { tree, asked };
}

test('each answer is asked for once, errors and absence too', () => {
  const { tree, asked } = counting((path) => {
    if (path === '/gone') throw new SysError('open', 'ENOENT', path);
    return Buffer.from(path);
  });
  const remembered = new RememberedTree(tree);
  for (let i = 0; i < 3; i++) {
    expect(remembered.readFile('/a').toString()).toBe('/a');
    expect(() => remembered.readFile('/gone')).toThrow(expect.objectContaining({ code: 'ENOENT' }));
    expect(remembered.readLink('/a')).toBe('../target');
    expect(remembered.access('/a')).toBeNull();
    expect(remembered.permissions('/a')).toBeNull();
    // A caller that sorts its list does not sort the others'.
    expect(remembered.readDir('/a').sort()).toEqual(['a', 'b']);
    expect(remembered.readDir('/a')).toEqual(['b', 'a']);
  }
  expect(asked.sort()).toEqual(['access /a', 'directory /a', 'file /a', 'file /gone', 'link /a', 'permissions /a']);
});

test('another limit is another question', () => {
  const { tree, asked } = counting((path) => Buffer.from(path));
  const remembered = new RememberedTree(tree);
  remembered.readFile('/a');
  remembered.readFile('/a', 10);
  expect(asked).toHaveLength(2);
});

test('files are kept up to a bound, and read again beyond it', () => {
  const { tree, asked } = counting(() => Buffer.alloc(16 * 1024 * 1024));
  const remembered = new RememberedTree(tree);
  for (let round = 0; round < 2; round++) for (let i = 0; i < 6; i++) remembered.readFile(`/${i}`);
  expect(asked).toHaveLength(6 + 2);
});
