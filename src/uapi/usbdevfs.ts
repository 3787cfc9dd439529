/**
 * Numbers and layouts of <linux/usbdevice_fs.h>, for the 64-bit architectures that share the asm-generic ioctl
 * encoding (x86-64, arm64, riscv64, loongarch64). Integers are in the CPU's byte order, but for the setup packet that
 * heads the buffer of a control URB: that is the bus's, little-endian. test/unit/uapi-usbdevfs.test.ts holds them
 * against the header.
 *
 * Every ioctl needs a node that is open for writing: EPERM otherwise.
 */

const NONE = 0;
const WRITE = 1;
const READ = 2;
/** _IOC(dir, 'U', nr, size) */
const ioc = (dir: number, nr: number, size: number) => dir * 2 ** 30 + size * 2 ** 16 + 0x5500 + nr;

export const USBDEVFS_RESETEP = ioc(READ, 3, 4);
export const USBDEVFS_SETINTERFACE = ioc(READ, 4, 8);
export const USBDEVFS_SETCONFIGURATION = ioc(READ, 5, 4);
export const USBDEVFS_GETDRIVER = ioc(WRITE, 8, 260);
export const USBDEVFS_SUBMITURB = ioc(READ, 10, 56);
/** The URB's address is passed by value. */
export const USBDEVFS_DISCARDURB = ioc(NONE, 11, 0);
/** The argument receives the URB's address. */
export const USBDEVFS_REAPURB = ioc(WRITE, 12, 8);
export const USBDEVFS_REAPURBNDELAY = ioc(WRITE, 13, 8);
export const USBDEVFS_CLAIMINTERFACE = ioc(READ, 15, 4);
export const USBDEVFS_RELEASEINTERFACE = ioc(READ, 16, 4);
export const USBDEVFS_CONNECTINFO = ioc(WRITE, 17, 8);
/** Wraps an ioctl for the interface's driver: {@link USBDEVFS_DISCONNECT}, {@link USBDEVFS_CONNECT}. */
export const USBDEVFS_IOCTL = ioc(READ | WRITE, 18, 16);
export const USBDEVFS_RESET = ioc(NONE, 20, 0);
export const USBDEVFS_CLEAR_HALT = ioc(READ, 21, 4);
export const USBDEVFS_DISCONNECT = ioc(NONE, 22, 0);
export const USBDEVFS_CONNECT = ioc(NONE, 23, 0);
export const USBDEVFS_GET_CAPABILITIES = ioc(READ, 26, 4);
export const USBDEVFS_DISCONNECT_CLAIM = ioc(READ, 27, 264);
export const USBDEVFS_ALLOC_STREAMS = ioc(READ, 28, 8);
export const USBDEVFS_FREE_STREAMS = ioc(READ, 29, 8);
export const USBDEVFS_GET_SPEED = ioc(NONE, 31, 0);

export const USBDEVFS_CAP_ZERO_PACKET = 0x01;
export const USBDEVFS_CAP_BULK_CONTINUATION = 0x02;
export const USBDEVFS_CAP_NO_PACKET_SIZE_LIM = 0x04;
export const USBDEVFS_CAP_BULK_SCATTER_GATHER = 0x08;
export const USBDEVFS_CAP_REAP_AFTER_DISCONNECT = 0x10;
export const USBDEVFS_CAP_MMAP = 0x20;
export const USBDEVFS_CAP_DROP_PRIVILEGES = 0x40;
export const USBDEVFS_CAP_CONNINFO_EX = 0x80;
export const USBDEVFS_CAP_SUSPEND = 0x100;

/**
 * struct usbdevfs_urb; isochronous packets follow, {@link isoPacket} each. buffer and userContext are pointers,
 * status, lengths and counts s32; number of packets and stream id share a place.
 */
export const urb = {
  size: 56,
  type: 0,
  endpoint: 1,
  status: 4,
  flags: 8,
  buffer: 16,
  bufferLength: 24,
  actualLength: 28,
  startFrame: 32,
  numberOfPackets: 36,
  streamId: 36,
  errorCount: 40,
  signr: 44,
  userContext: 48,
  packets: 56,
} as const;
/** struct usbdevfs_iso_packet_desc; status is an errno, negative, although the header says unsigned. */
export const isoPacket = { size: 12, length: 0, actualLength: 4, status: 8 } as const;

export const USBDEVFS_URB_TYPE_ISO = 0;
export const USBDEVFS_URB_TYPE_INTERRUPT = 1;
export const USBDEVFS_URB_TYPE_CONTROL = 2;
export const USBDEVFS_URB_TYPE_BULK = 3;
export const USBDEVFS_URB_SHORT_NOT_OK = 0x01;
export const USBDEVFS_URB_ISO_ASAP = 0x02;
export const USBDEVFS_URB_BULK_CONTINUATION = 0x04;
export const USBDEVFS_URB_ZERO_PACKET = 0x40;
export const USBDEVFS_URB_NO_INTERRUPT = 0x80;

/** The head of a control URB's buffer: USB 2.0 section 9.3, little-endian. */
export const setupPacket = {
  size: 8,
  bmRequestType: 0,
  bRequest: 1,
  wValue: 2,
  wIndex: 4,
  wLength: 6,
} as const;

/** driver is NUL-terminated. */
export const getDriver = { size: 260, interface: 0, driver: 4, driverSize: 256 } as const;
export const setInterface = { size: 8, interface: 0, alternateSetting: 4 } as const;
/** data is a pointer. */
export const wrappedIoctl = { size: 16, interface: 0, request: 4, data: 8 } as const;
export const disconnectClaim = { size: 264, interface: 0, flags: 4, driver: 8, driverSize: 256 } as const;
/** Only a driver of that name is disconnected; every driver but that. */
export const USBDEVFS_DISCONNECT_CLAIM_IF_DRIVER = 1;
export const USBDEVFS_DISCONNECT_CLAIM_EXCEPT_DRIVER = 2;
export const connectInfo = { size: 8, deviceNumber: 0, slow: 4 } as const;
