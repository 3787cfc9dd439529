import fc from 'fast-check';
import { SysError } from '../../../src/errors';
import type { Access, SysTree } from '../../../src/sys/sys';

/** A machine's answer to an inspection: the value, or the errno. */
export type Answer = { value: unknown } | { code: string };

export interface Question {
  call: 'readFile' | 'readDir' | 'readLink' | 'access';
  path: string;
}

export function ask(sys: SysTree, { call, path }: Question): Answer {
  try {
    const value = sys[call](path);
    if (Buffer.isBuffer(value)) return { value: value.toString('hex') };
    return { value: Array.isArray(value) ? value.sort() : value };
  } catch (error) {
    if (error instanceof SysError) return { code: error.code };
    throw error;
  }
}

export const everything = (path: string): Question[] =>
  (['readFile', 'readDir', 'readLink', 'access'] as const).map((call) => ({ call, path }));

/** A machine's tree as the tests make it, by path, parents before children. */
export type Plan = Map<
  string,
  { file: Buffer } | { link: string } | { error: string } | { node: Access } | 'directory'
>;

const names = ['a', 'b', 'c', 'd'];
const path = fc
  .array(fc.constantFrom(...names), { minLength: 1, maxLength: 4 })
  .map((parts) => `/sys/${parts.join('/')}`);
/** Paths as code forms them: with links, dots and files in the middle. */
export const askedPath = fc
  .array(fc.constantFrom(...names, '.', '..'), { maxLength: 6 })
  .map((parts) => ['/sys', ...parts].join('/'));
const target = fc
  .record({
    start: fc.constantFrom('', '/', '/sys/', '../', '../../', './'),
    parts: fc.array(fc.constantFrom(...names, '..', 'sys'), { minLength: 1, maxLength: 4 }),
  })
  .map(({ start, parts }) => start + parts.join('/'));

/** Small trees with links that lead anywhere: out of the tree, in circles, nowhere. */
export function plans({ errors }: { errors: boolean }): fc.Arbitrary<Plan> {
  const entry = fc.oneof(
    fc.record({ file: fc.uint8Array({ maxLength: 4 }).map((bytes) => Buffer.from(bytes)) }),
    { weight: 2, arbitrary: fc.record({ link: target }) },
    fc.constant('directory' as const),
    ...(errors
      ? [
          fc.record({ error: fc.constantFrom('EACCES', 'EIO', 'EFBIG') }),
          fc.record({ node: fc.constantFrom<Access>('rw', 'r', 'none') }),
        ]
      : []),
  );
  return fc.uniqueArray(fc.tuple(path, entry), { selector: ([path]) => path, maxLength: 16 }).map((entries) => {
    const plan: Plan = new Map([['/sys', 'directory']]);
    for (const [path, entry] of entries.sort(([a], [b]) => (a < b ? -1 : 1))) {
      const above = path.split('/').slice(1, -1);
      const parents = above.map((_, index) => `/${above.slice(0, index + 1).join('/')}`);
      if (parents.some((parent) => plan.has(parent) && plan.get(parent) !== 'directory')) continue;
      for (const parent of parents) plan.set(parent, 'directory');
      plan.set(path, entry);
    }
    return plan;
  });
}
