import { readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';

// The order of the rooms, as ARCHITECTURE.md draws it: a room imports from those below it. It is the order in which
// they may be read, too.

const SRC = join(__dirname, '../../../src');

/** Rooms from the bottom up; those of one row do not import each other. */
const FLOORS = [
  ['errors', 'cleanup', 'text'],
  ['uapi'],
  ['sys'],
  ['model', 'names', 'remote'],
  ['interrupts', 'pci', 'regmap'],
  ['uio', 'usb', 'vfio', 'sim'],
  ['drivers', 'udev'],
  ['bind'],
  ['session'],
  ['devices'],
  ['bench', 'doctor', 'metrics', 'monitor'],
  ['cli', 'index'],
];

/** Rooms inside rooms, from the bottom up. */
const INSIDE: Readonly<Record<string, readonly string[]>> = {
  usb: ['decode', 'inspect', 'transfer', 'device'],
  vfio: ['inspect', 'dma', 'device', 'dma-test'],
};

/** More files than this side by side are no longer taken in at a glance. */
const MOST_FILES = 15;

interface Import {
  from: string;
  to: string;
  isLate: boolean;
}

const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));
const imports = files.flatMap(importsOf);

function importsOf(file: string): Import[] {
  const source = readFileSync(join(SRC, file), 'utf8');
  return Array.from(source.matchAll(/(from|require\()\s*'(\.[^']*)'/g), ([, how, specifier = '']) => {
    const path = join(SRC, dirname(file), specifier);
    const to = [`${path}.ts`, join(path, 'index.ts')].find((one) => statSync(one, { throwIfNoEntry: false })?.isFile());
    return { from: file, to: to === undefined ? `missing: ${specifier}` : relative(SRC, to), isLate: how !== 'from' };
  });
}

const roomOf = (file: string) => (file.split('/')[0] ?? '').replace(/\.ts$/, '');
const shown = ({ from, to }: Import) => `${from} -> ${to}`;

test('every import leads to a file, those that are loaded late too', () => {
  expect(imports.length).toBeGreaterThan(1000);
  expect(imports.filter(({ to }) => to.startsWith('missing')).map(shown)).toEqual([]);
});

test('every room has its floor', () => {
  const rooms = [...new Set(files.map(roomOf))].sort();
  expect(FLOORS.flat().sort()).toEqual(rooms);
});

test('no import runs up, or across a floor', () => {
  const floorOf = (file: string) => FLOORS.findIndex((rooms) => rooms.includes(roomOf(file)));
  const wrong = imports.filter(({ from, to }) => roomOf(from) !== roomOf(to) && floorOf(to) >= floorOf(from));
  expect(wrong.map(shown)).toEqual([]);
});

test.each(Object.entries(INSIDE))('inside %s imports run down too', (room, inner) => {
  const floorOf = (file: string) => inner.indexOf(file.split('/')[1] ?? '');
  const inside = imports.filter(({ from, to }) => [from, to].every((file) => file.startsWith(`${room}/`)));
  expect(inside.length).toBeGreaterThan(10);
  const wrong = inside.filter(({ from, to }) => floorOf(from) >= 0 && floorOf(to) > floorOf(from));
  expect(wrong.map(shown)).toEqual([]);
});

test('no circle of files, but for what is loaded late', () => {
  const next = new Map(files.map((file) => [file, [] as string[]]));
  for (const { from, to, isLate } of imports) if (!isLate) next.get(from)?.push(to);
  const done = new Set<string>();
  const circle = (file: string, path: readonly string[]): readonly string[] | null => {
    if (path.includes(file)) return [...path.slice(path.indexOf(file)), file];
    if (done.has(file)) return null;
    for (const one of next.get(file) ?? []) {
      const found = circle(one, [...path, file]);
      if (found !== null) return found;
    }
    done.add(file);
    return null;
  };
  expect(files.map((file) => circle(file, [])).filter((found) => found !== null)).toEqual([]);
});

test('no folder has more files than are taken in at a glance', () => {
  const counts = new Map<string, number>();
  for (const file of files) counts.set(dirname(file), (counts.get(dirname(file)) ?? 0) + 1);
  // These have a file for each command, by the rule that finds a command.
  const ofCommands = ['cli', 'cli/vfio'];
  expect([...counts].filter(([folder, count]) => count > MOST_FILES && !ofCommands.includes(folder))).toEqual([]);
});

// What, Who, Of and their like open a clause, and the reader has to wait for the subject.
test('every comment starts with its subject', () => {
  const opening = /(?:\/\*\*?[\s*]*|(?<!\/\/.*\n *)\/\/ *)(?:What|Who|Whose|Of|As|So|How|Where)\b.*/g;
  const found = files.flatMap((file) =>
    Array.from(readFileSync(join(SRC, file), 'utf8').matchAll(opening), ([comment]) => `${file}: ${comment}`),
  );
  expect(found).toEqual([]);
});
