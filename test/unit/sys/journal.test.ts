import { SysError } from '../../../src/errors';
import { Journal, startIn } from '../../../src/sys/journal';
import { MemoryState } from '../../../src/sys/state';

test('a note is left where its process has ended, or its number is another one by now', () => {
  const store = new MemoryState();
  const starts = new Map([[5, '100']]);
  const processes = { pid: 5, startOf: (pid: number) => starts.get(pid) ?? null };
  const journal = new Journal(store, undefined, processes);
  const note = journal.keep({ kind: 'usb' });
  expect(journal.left()).toEqual([]);
  starts.set(5, '200');
  expect(journal.left()).toMatchObject([{ pid: 5, what: { kind: 'usb' } }]);
  starts.delete(5);
  expect(journal.left()).toHaveLength(1);
  note.drop();
  expect(journal.left()).toEqual([]);
  expect(store.names()).toEqual([]);
});

test('this process is alive', () => {
  const journal = new Journal(new MemoryState());
  const note = journal.keep({});
  expect(journal.left()).toEqual([]);
  note.drop();
});

test('files beside the notes, and notes that are none, are left alone', () => {
  const store = new MemoryState();
  for (const [name, text] of [
    ['lock', '5'],
    ['5.0.77', '{"start":"1","what":{}}'],
    ['5.1', 'x'],
    ['5.2', '[]'],
    ['5.3', 'null'],
  ] as const)
    store.write(name, text);
  expect(new Journal(store, undefined, { pid: 1, startOf: () => null }).left()).toEqual([]);
});

test('where no note can be kept, the work goes on', () => {
  const store = new MemoryState();
  const failure = new SysError('open', 'EROFS', '/run/udrv');
  store.write = () => {
    throw failure;
  };
  store.remove = store.write as never;
  const told: SysError[] = [];
  new Journal(store, (error) => told.push(error)).keep({}).drop();
  expect(told).toEqual([failure]);
});

test('the start of a process is field 22, whatever its name; a zombie has none', () => {
  const fields = (state: string) => `${state} ${Array.from({ length: 18 }, (_, i) => i).join(' ')} 4711 0 0`;
  expect(startIn(`12 (a) b) ${fields('S')}`)).toBe('4711');
  expect(startIn(`12 (udrv) ${fields('Z')}`)).toBeNull();
});
