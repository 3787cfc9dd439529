import fc from 'fast-check';
import { makeStyle, useUnicode } from '../../../src/cli/output/style';
import { textWidth } from '../../../src/cli/output/text-width';
import { drawTrees, type TreeNode } from '../../../src/cli/output/tree';

const style = makeStyle(false);

function draw(roots: readonly TreeNode[], { unicode = true, width }: { unicode?: boolean; width?: number } = {}) {
  const [heading = '', ...lines] = drawTrees(roots, { titles: ['A', 'B'], style, unicode, width }).split('\n');
  expect(lines.pop()).toBe('');
  return { heading, lines };
}

const node = (name: string, children: readonly TreeNode[] = [], more = ''): TreeNode => ({
  cells: [name, more],
  children,
});

const FOREST = [
  node('a', [node('b', [node('c', [], 'C'), node('d')]), node('e', [node('f')])], 'wide'),
  node('g', [node('h')]),
];

test('in box characters, columns below each other', () => {
  expect(draw(FOREST)).toEqual({
    heading: 'A        B',
    lines: ['a        wide', '├─ b', '│  ├─ c  C', '│  └─ d', '└─ e', '   └─ f', 'g', '└─ h'],
  });
});

test('in ASCII', () => {
  expect(draw(FOREST, { unicode: false }).lines).toEqual([
    'a        wide',
    '|- b',
    '|  |- c  C',
    '|  `- d',
    '`- e',
    '   `- f',
    'g',
    '`- h',
  ]);
});

test('colour is around the text alone, and what is shortened is coloured still', () => {
  const red = (text: string) => `<${text}>`;
  const roots = [
    node('a', [
      {
        cells: [
          { text: 'bcd', style: red },
          { text: 'efghij', style: red },
        ],
        children: [],
      },
    ]),
  ];
  expect(draw(roots).lines).toEqual(['a', '└─ <bcd>  <efghij>']);
  expect(draw(roots, { width: 11 }).lines).toEqual(['a', '└─ <bcd>  <ef…>']);
  expect(draw(roots, { width: 5 }).lines).toEqual(['a', '└─ <b…>']);
});

// Any forest, as nodes with names that are numbered from the top down.

const WORDS = ['', 'x', 'PCI bridge', '東京のカメラ', 'é', '📷 camera'];
/** For each node which of those before it is its parent, or that it is a root. */
const parents = fc.array(fc.nat({ max: 20 }), { maxLength: 20 });
const forests = fc.tuple(parents, fc.array(fc.constantFrom(...WORDS), { minLength: 1 }));

interface Shape {
  children: Shape[];
}

function numbered(picks: readonly number[], words: readonly string[]): TreeNode[] {
  const shapes: Shape[] = [];
  const roots: Shape[] = [];
  for (const pick of picks) {
    const own = { children: [] };
    (shapes[pick % (shapes.length + 1)]?.children ?? roots).push(own);
    shapes.push(own);
  }
  let count = 0;
  const make = ({ children }: Shape): TreeNode => {
    const own = count++;
    return node(`n${own}`, children.map(make), words[own % words.length]);
  };
  return roots.map(make);
}

/** Reads the parents back from the drawing: the stroke above or left of each node leads to it. */
function parentsOf(lines: readonly string[]): (number | null)[] {
  return lines.map((line, i) => {
    const depth = line.search(/n\d/) / 3;
    if (depth === 0) return null;
    const column = (depth - 1) * 3;
    expect(line.slice(column, column + 3)).toMatch(/^(?:├─|└─) $/);
    // Up along the line to the node that it hangs from.
    let above = i - 1;
    while (/[│├]/.test(lines[above]?.[column] ?? '')) above--;
    expect(lines[above]?.slice(column)).toMatch(/^n\d/);
    return above;
  });
}

function realParents(roots: readonly TreeNode[]): (number | null)[] {
  const parents: (number | null)[] = [];
  const visit = ({ children }: TreeNode, parent: number | null) => {
    const own = parents.push(parent) - 1;
    for (const child of children) visit(child, own);
  };
  for (const root of roots) visit(root, null);
  return parents;
}

test('every forest can be read back from its drawing, and all text is in it', () => {
  fc.assert(
    fc.property(forests, ([picks, words]) => {
      const roots = numbered(picks, words);
      const { lines } = draw(roots);
      const parents = realParents(roots);
      expect(parentsOf(lines)).toEqual(parents);
      for (const [i, line] of lines.entries()) {
        expect(line.replace(/^[│├└─ ]*/, '')).toMatch(new RegExp(`^n${i}(?: |$)`));
        expect(line.endsWith(words[i % words.length] ?? '')).toBe(true);
        expect(line).toBe(line.trimEnd());
      }
    }),
  );
});

test('no line is wider than the terminal, and wide characters leave columns in place', () => {
  fc.assert(
    fc.property(forests, fc.integer({ min: 1, max: 60 }), ([picks, words], width) => {
      const roots = numbered(picks, words);
      for (const line of draw(roots, { width }).lines) expect(textWidth(line)).toBeLessThanOrEqual(width);
      const { heading, lines } = draw(roots);
      const column = heading.indexOf('B');
      for (const [i, line] of lines.entries()) {
        const word = words[i % words.length] ?? '';
        if (word !== '') expect(textWidth(line) - textWidth(word)).toBe(column);
      }
    }),
  );
});

test('a tree of any depth is drawn', () => {
  let deep = node('n');
  for (let i = 0; i < 3000; i++) deep = node('n', [deep]);
  const { lines } = draw([deep]);
  expect(lines).toHaveLength(3001);
  expect(lines.at(-1)).toBe(`${'   '.repeat(2999)}└─ n`);
});

test.each([
  [{}, false],
  [{ LANG: 'C' }, false],
  [{ LANG: 'de_DE.UTF-8' }, true],
  [{ LANG: 'C.utf8' }, true],
  [{ LANG: 'de_DE.UTF-8', LC_CTYPE: 'C' }, false],
  [{ LANG: 'C', LC_CTYPE: 'C.UTF-8' }, true],
  [{ LANG: 'C.UTF-8', LC_CTYPE: 'C.UTF-8', LC_ALL: 'POSIX' }, false],
  [{ LANG: 'C.UTF-8', LC_ALL: '' }, true],
])('%j has box characters: %s', (env, expected) => {
  expect(useUnicode(env)).toBe(expected);
});
