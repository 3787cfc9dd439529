import { giveBackLeft, leftByKilled, mendLeft, tellLeft } from '../../../src/cli/journal/mend';
import type { Context } from '../../../src/cli/program/context';
import { SysError } from '../../../src/errors';
import { simulatedMachine } from '../../../src/sim';
import { Journal } from '../../../src/sys/journal';
import { MemoryState, type StateStore } from '../../../src/sys/state';

const ENDED = { pid: 7, startOf: () => null };

/** A context whose journal is a store in which something fails, and what it has said. */
function contextWith(store: StateStore) {
  const said: string[] = [];
  const say = (text: string) => said.push(text);
  const journal = new Journal(store, undefined, ENDED);
  const context = { sys: simulatedMachine().sys, journal, warn: say, note: say, options: {} } as unknown as Context;
  return { context, said };
}

function failing(method: 'names' | 'read' | 'lock'): StateStore {
  const store = new MemoryState();
  store.write('5.0', JSON.stringify({ start: '1', what: { kind: 'usb', address: '1-4', device: 'x', drivers: [] } }));
  store[method] = () => {
    throw new SysError('open', 'EACCES', '/run/udrv/taken');
  };
  return store;
}

test.each(['names', 'read', 'lock'] as const)('a journal of which %s fails ends no command', (method) => {
  const { context, said } = contextWith(failing(method));
  mendLeft(context);
  expect(said).toEqual([expect.stringMatching(/^\/run\/udrv\/taken: .*permission denied|EACCES/)]);
  expect(giveBackLeft(context)).toMatchObject({ interfaces: [], errors: [{ code: 'EACCES', exit: 1 }] });
  tellLeft(context);
  if (method !== 'lock') expect(leftByKilled(context)).toEqual([]);
});

test.each([
  ['null', '{"start":"1","what":null}'],
  ['of another kind', '{"start":"1","what":{"kind":"x"}}'],
  ['with a path for an address', '{"start":"1","what":{"kind":"usb","address":"../x","device":"","drivers":[]}}'],
  ['with numbers beyond all', '{"start":"1","what":{"kind":"usb","address":"1-4","device":"","drivers":[[1e9,"x"]]}}'],
  [
    'of a device that is not there',
    '{"start":"1","what":{"kind":"usb","address":"9-9","device":"","drivers":[[0,"x"]]}}',
  ],
  ['with a prototype', '{"start":"1","what":{"__proto__":{"kind":"usb"},"kind":[]}}'],
])('a note %s changes nothing, and goes', (_, text) => {
  const store = new MemoryState();
  store.write('5.0', text);
  const { context, said } = contextWith(store);
  mendLeft(context);
  expect({ said, names: store.names() }).toEqual({ said: [], names: [] });
});
