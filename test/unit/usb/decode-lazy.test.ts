// Listing is what runs most: it must not load what only `usb show` needs.
test('a listing loads no HID usage tables', () => {
  const loaded: string[] = [];
  jest.doMock('../../../src/usb/decode/hid/usage-tables', () => {
    loaded.push('usage-tables');
    return { USAGE_TABLES: '' };
  });
  jest.requireActual('../../../src/devices/list');
  jest.requireActual('../../../src/cli/usb/list');
  expect(loaded).toEqual([]);
  jest.requireActual('../../../src/usb/inspect/describe');
  expect(loaded).toEqual(['usage-tables']);
});
