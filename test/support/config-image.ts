/** Configuration spaces made for tests: a header, and capabilities linked in the order given. */

/** `[id, registers behind the header in hex, version]`; blanks in the hex are for reading. */
export type CapabilityBytes = readonly [id: number, registers: string, version?: number];

export interface ImageOptions {
  /** Hex from offset 0 on; what is not given is zero. */
  header?: string;
  headerType?: number;
  capabilities?: readonly CapabilityBytes[];
  extended?: readonly CapabilityBytes[];
  size?: number;
}

const STATUS_CAP_LIST = 0x10;

/** A function of vendor 1234, device 5678, class NVMe unless the header says otherwise. */
export function configImage(options: ImageOptions = {}): Buffer {
  const { headerType = 0, capabilities = [], extended = [] } = options;
  const bytes = Buffer.alloc(options.size ?? (extended.length > 0 ? 4096 : 256));
  write(bytes, 0, options.header ?? '3412 7856 0000 0000 02 020801 00 00 00 00');
  bytes[0x0e] = headerType;
  if (capabilities.length > 0) bytes[0x06] = (bytes[0x06] ?? 0) | STATUS_CAP_LIST;
  // A CardBus bridge has its pointer, and the end of its header, elsewhere.
  let link = headerType === 2 ? 0x14 : 0x34;
  let at = headerType === 2 ? 0x80 : 0x40;
  for (const [id, registers] of capabilities) {
    bytes[link] = at;
    bytes[at] = id;
    link = at + 1;
    at = align(at + 2 + write(bytes, at + 2, registers));
  }
  if (at > 256) throw new Error(`capabilities need ${at} bytes`);
  at = 0x100;
  for (const [i, [id, registers, version = 1]] of extended.entries()) {
    const next = align(at + 4 + registers.replaceAll(' ', '').length / 2);
    const last = i === extended.length - 1;
    bytes.writeUInt32LE(id + version * 0x10000 + (last ? 0 : next * 0x100000), at);
    write(bytes, at + 4, registers);
    at = next;
  }
  return bytes;
}

/** Text as lspci writes it. */
export function lspciText(images: readonly Buffer[]): string {
  return images.map((image, i) => `${lspciAddress(i)} Device\n${rows(image)}\n`).join('');
}

export const lspciAddress = (index: number): string =>
  `0000:${(index >> 5).toString(16).padStart(2, '0')}:${(index & 31).toString(16).padStart(2, '0')}.0`;

function rows(image: Buffer): string {
  let text = '';
  for (let at = 0; at < image.length; at += 16)
    text += `${at.toString(16).padStart(2, '0')}: ${[...image.subarray(at, at + 16)].map((b) => b.toString(16).padStart(2, '0')).join(' ')}\n`;
  return text;
}

function write(bytes: Buffer, at: number, hex: string): number {
  const data = Buffer.from(hex.replaceAll(' ', ''), 'hex');
  return data.copy(bytes, at);
}

const align = (offset: number) => Math.ceil(offset / 4) * 4;
