import * as usb from '../../../src/uapi/usbdevfs';
import { cValues, type Expected, layoutOf } from '../../support/c-header';
import { describeWith } from '../../support/requires';

/** Constants whose names are the header's. */
const NAMED = Object.entries(usb).filter((entry): entry is [string, number] => typeof entry[1] === 'number');

const DISCONNECT_CLAIM = 'struct usbdevfs_disconnect_claim';

/** Our tables, and the structures they describe: each field by its C name, `size` by sizeof. */
const STRUCTS: readonly [table: Record<string, number>, struct: string, fields: Record<string, string>][] = [
  [
    usb.urb,
    'struct usbdevfs_urb',
    {
      type: 'type',
      endpoint: 'endpoint',
      status: 'status',
      flags: 'flags',
      buffer: 'buffer',
      bufferLength: 'buffer_length',
      actualLength: 'actual_length',
      startFrame: 'start_frame',
      numberOfPackets: 'number_of_packets',
      streamId: 'stream_id',
      errorCount: 'error_count',
      signr: 'signr',
      userContext: 'usercontext',
      packets: 'iso_frame_desc',
    },
  ],
  [
    usb.isoPacket,
    'struct usbdevfs_iso_packet_desc',
    { length: 'length', actualLength: 'actual_length', status: 'status' },
  ],
  [usb.getDriver, 'struct usbdevfs_getdriver', { interface: 'interface', driver: 'driver' }],
  [usb.setInterface, 'struct usbdevfs_setinterface', { interface: 'interface', alternateSetting: 'altsetting' }],
  [usb.wrappedIoctl, 'struct usbdevfs_ioctl', { interface: 'ifno', request: 'ioctl_code', data: 'data' }],
  [usb.disconnectClaim, DISCONNECT_CLAIM, { interface: 'interface', flags: 'flags', driver: 'driver' }],
  [usb.connectInfo, 'struct usbdevfs_connectinfo', { deviceNumber: 'devnum', slow: 'slow' }],
  [
    usb.setupPacket,
    'struct usb_ctrlrequest',
    { bmRequestType: 'bRequestType', bRequest: 'bRequest', wValue: 'wValue', wIndex: 'wIndex', wLength: 'wLength' },
  ],
];

const EXPECTED: Expected[] = [
  ...NAMED.map(([name, value]): [string, number, string] => [name, value, name]),
  ...STRUCTS.flatMap(layoutOf),
  ['getdriver name', usb.getDriver.driverSize, 'sizeof(((struct usbdevfs_getdriver *)0)->driver)'],
  ['disconnect_claim name', usb.disconnectClaim.driverSize, `sizeof(((${DISCONNECT_CLAIM} *)0)->driver)`],
];

test('the tables say all there is to say', () => {
  expect(NAMED.length).toBeGreaterThan(35);
  const extra = new Set(['size', 'driverSize']);
  for (const [table, , fields] of STRUCTS)
    expect(Object.keys(fields)).toEqual(Object.keys(table).filter((name) => !extra.has(name)));
});

describeWith('gcc', '<linux/usbdevice_fs.h>', () => {
  const headers = ['sys/ioctl.h', 'linux/usb/ch9.h', 'linux/usbdevice_fs.h'];
  let values: number[];
  beforeAll(() => {
    // The header names the disconnect flags and the connect ioctls as we do; _IO numbers are unsigned there too.
    values = cValues(
      headers,
      EXPECTED.map(([, , c]) => c),
    );
  });

  test.each(EXPECTED.map(([name, ours], i) => ({ name, ours, i })))('$name', ({ ours, i }) => {
    expect(ours).toBe(values[i]);
  });
});
