import type { Cell } from '../../../src/cli/changes/parts';
import { fittingRows, frameRows, rowsOfCells, type Seen } from '../../../src/cli/changes/rows';
import { PLAIN } from '../../../src/cli/output/style';
import { hexWord } from '../../../src/model/registers';
import type { Width } from '../../../src/sys/sys';

const cell = (offset: number, width: Width, name: string | null = null): Cell => ({
  region: 'map0',
  offset,
  width,
  name,
  register: null,
  field: null,
  text: (value) => hexWord(value, width),
});

const part = (cells: Cell[], isRange: boolean) => ({ isRange, cells, unread: [], read: () => [] });
const range = (count: number, width: Width) => Array.from({ length: count }, (_, i) => cell(i * width, width));
const seen = (...entries: [number, Partial<Seen>][]) =>
  new Map(entries.map(([i, one]) => [i, { count: 1, changedNow: false, before: 0, ...one }]));

test.each([1, 2, 4] as const)('a frame of words of %i bytes has 79 columns at most', (width) => {
  const rows = frameRows([part(range(64, width), true)]);
  const all = seen(...Array.from({ length: 64 }, (_, i): [number, Partial<Seen>] => [i, { changedNow: true }]));
  for (const row of rows) expect(row.text(Array(64).fill(0), all, PLAIN).length).toBeLessThanOrEqual(79);
});

test('values that changed have a mark behind them, the others a blank', () => {
  const [row] = frameRows([part(range(4, 4), true)]);
  expect(row?.text([1, 2, 3, 4], seen([1, { changedNow: true }], [2, {}]), PLAIN)).toBe(
    'map0:0x0000  0x00000001  0x00000002* 0x00000003+ 0x00000004',
  );
});

test('a register that is left out leaves its place empty', () => {
  const [row] = frameRows([part([cell(0, 4), cell(8, 4)], true)]);
  expect(row?.text([1, 2], new Map(), PLAIN)).toBe('map0:0x0000  0x00000001              0x00000002');
});

test('a register by its name has its past', () => {
  const [row] = frameRows([part([cell(0x24, 4, 'EDU.IRQ_STATUS')], false)]);
  expect(row?.text([5], seen([0, { count: 2, changedNow: true, before: 1 }]), PLAIN)).toBe(
    'map0:0x24  EDU.IRQ_STATUS  0x00000005*  was 0x00000001, 2 changes',
  );
});

test('of more rows than fit, those that changed last are shown, in their order', () => {
  const rows = frameRows([part(range(40, 4), true)]);
  const rowOf = rowsOfCells(rows);
  expect(rows).toHaveLength(10);
  const shown = (room: number, recent: number[]) =>
    fittingRows(rows, rowOf, room, recent).map((row) => rows.indexOf(row));
  expect(shown(3, [])).toEqual([0, 1, 2]);
  expect(shown(3, [39, 20])).toEqual([0, 5, 9]);
  expect(shown(2, [39, 38, 20, 4])).toEqual([5, 9]);
  expect(shown(10, [39])).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
});
