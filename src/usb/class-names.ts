/**
 * Names of USB class codes, in our words: base class, subclass and protocol, as the USB-IF publishes them ("Defined
 * Class Codes") and as its class specifications define them.
 *
 * Each line has a base class, a base class and subclass, or all three bytes, and the name. One text, because an object
 * of them would be made at every start, and a listing asks for a few.
 *
 * A device of class 00 leaves it to its interfaces. The protocol of a hub's device is one of 00 to 03; its interface has
 * 00 for its one setting, or 01 and 02 where it offers both. Interface Association Descriptors of class ef0201 say which
 * interfaces belong together.
 */
const CLASSES = `
00 Unspecified class
01 Audio
0101 Audio control
010120 Audio control (UAC2)
010130 Audio control (UAC3)
0102 Audio streaming
010220 Audio streaming (UAC2)
010230 Audio streaming (UAC3)
0103 MIDI streaming
02 Communications
0201 CDC direct line control
0202 CDC ACM serial port
0202ff CDC ACM, vendor protocol
0203 CDC telephone control
0204 CDC multi-channel control
0205 CDC CAPI control
0206 CDC ECM network
0207 CDC ATM network
0208 CDC wireless handset control
0209 CDC device management
020a CDC mobile direct line
020b CDC OBEX
020c CDC EEM network
020d CDC NCM network
020e CDC MBIM network
03 HID
030101 HID boot keyboard
030102 HID boot mouse
05 Physical interface device
06 Still imaging
060101 Still imaging (PTP)
07 Printer
070101 Printer (unidirectional)
070102 Printer (bidirectional)
070103 Printer (IEEE 1284.4)
070104 Printer (IPP over USB)
08 Mass storage
0801 Mass storage (RBC)
0802 Mass storage (MMC/ATAPI)
0803 Mass storage (QIC-157)
0804 Mass storage (UFI floppy)
0805 Mass storage (SFF-8070i)
0806 Mass storage (SCSI)
080600 Mass storage (SCSI, CBI)
080601 Mass storage (SCSI, CBI)
080650 Mass storage (SCSI, BOT)
080662 Mass storage (SCSI, UAS)
0807 Mass storage (LSD FS)
0808 Mass storage (IEEE 1667)
09 Hub
090001 Hub (high speed, single TT)
090002 Hub (high speed, multiple TT)
090003 Hub (SuperSpeed)
0a CDC data
0a0001 CDC data (NCM)
0a0002 CDC data (MBIM)
0b Smart card reader
0b0000 Smart card reader (CCID)
0b0001 Smart card (ICCD A)
0b0002 Smart card (ICCD B)
0d Content security
0e Video
0e01 Video control
0e02 Video streaming
0e03 Video interface collection
0f Personal healthcare
10 Audio/video
1001 Audio/video control
1002 Audio/video, video data
1003 Audio/video, audio data
11 Billboard
12 USB Type-C bridge
13 Bulk display
14 MCTP
3c I3C
dc Diagnostic
dc0101 USB2 compliance device
dc02 Debug target
dc0201 Debug target (GDB remote)
e0 Wireless controller
e00101 Bluetooth
e00102 Ultra-wideband radio control
e00103 RNDIS network
e00104 Bluetooth AMP
e00201 Host wire adapter
e00202 Device wire adapter
e00203 Device wire adapter, isochronous
ef Miscellaneous
ef0101 ActiveSync
ef0102 Palm Sync
ef0201 Composite device
ef0202 Wire adapter, multiple functions
ef0301 Cable-based association
ef04 RNDIS network
ef0401 RNDIS network (Ethernet)
ef0402 RNDIS network (Wi-Fi)
ef0403 RNDIS network (WiMAX)
ef0404 RNDIS network (WWAN)
ef0405 RNDIS network (raw IPv4)
ef0406 RNDIS network (raw IPv6)
ef0407 RNDIS network (GPRS)
ef05 USB3 Vision
ef0500 USB3 Vision control
ef0501 USB3 Vision events
ef0502 USB3 Vision streaming
ef0601 STEP
ef0602 STEP RAW
fe Application specific
fe01 Device firmware upgrade
fe0101 DFU, runtime
fe0102 DFU mode
fe02 IrDA bridge
fe03 Test and measurement
fe0301 Test and measurement (USB488)
ff Vendor specific
`;

/**
 * Names class codes, as closely as they are known.
 *
 * @param baseClass two hex digits, lower case; so are `subclass` and `protocol`
 */
export function usbClassName(baseClass: string, subclass = '', protocol = ''): string {
  const name = find(baseClass + subclass + protocol) ?? find(baseClass + subclass) ?? find(baseClass);
  return name ?? `Unknown class ${baseClass}`;
}

function find(code: string): string | undefined {
  const line = `\n${code} `;
  const at = CLASSES.indexOf(line);
  return at < 0 ? undefined : CLASSES.slice(at + line.length, CLASSES.indexOf('\n', at + 1));
}
