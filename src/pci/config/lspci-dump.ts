import { usageError } from '../../errors';
import { CONFIG_SPACE_SIZE } from './decode';

/** The configuration space of one function, as a file has it. */
export interface ConfigDump {
  /** As the kernel writes it; null for a raw image, which tells of none. */
  address: string | null;
  /** What the file has behind the address: lspci's name of the device. Any text: escape it before printing. */
  title: string;
  bytes: Buffer;
  /** What was wrong with the file. */
  notes: string[];
}

/** What a function has: a header, the conventional space, all of it. */
const RAW_SIZES = [64, 256, CONFIG_SPACE_SIZE];

/** More functions than any machine has. */
const MAX_DEVICES = 16384;

/** lspci's own limit is 255. */
const MAX_LINE = 1024;
const MAX_TITLE = 256;
const MAX_NOTES = 8;

/** `00:1f.2 ...` or with a domain; lspci writes nothing else so. */
const DEVICE = /^(?:([0-9a-f]{4,8}):)?([0-9a-f]{2}:[0-9a-f]{2}\.[0-7])(?:\s+(.*))?$/i;

/** `00: 86 80 ...`, up to `ff0:`. */
const ROW = /^([0-9a-f]{2,8}): (.*)$/i;
const BYTE = /^[0-9a-f]{2}$/i;

/**
 * Reads a file with configuration spaces: the text of `lspci -x`, `-xxx` or `-xxxx`, with whatever other lines the
 * verbose options put between, or the bytes of one function's `config` in sysfs.
 *
 * @param subject what to call the file in an error
 * @throws UdrvError exit 2 if it is neither
 */
export function parseConfigDump(content: Buffer, subject: string): ConfigDump[] {
  const sized = RAW_SIZES.includes(content.length);
  // A raw image has zeros all over, a text none. Windows' editors begin theirs with a byte order mark.
  const dumps = sized && content.includes(0) ? [] : parseLspciDump(content.toString().replace(/^\ufeff/, ''));
  if (dumps.length > 0) return dumps;
  if (sized) return [{ address: null, title: '', bytes: content, notes: [] }];
  throw usageError(
    subject,
    `has no configuration space: neither lines of lspci -x, nor ${RAW_SIZES.join(', ')} bytes (it has ${content.length})`,
    'lspci -xxxx as root writes such a file; so does cat /sys/bus/pci/devices/ADDRESS/config',
  );
}

/**
 * Reads what `lspci -x`, `-xxx` or `-xxxx` wrote, for any number of functions. Lines that are neither a function nor a
 * row of bytes are passed over; a function without bytes is left out.
 */
export function parseLspciDump(text: string): ConfigDump[] {
  const dumps: Collector[] = [];
  let current: Collector | undefined;
  for (const line of lines(text)) {
    const device = DEVICE.exec(line);
    if (device !== null) {
      if (dumps.length === MAX_DEVICES) {
        dumps.at(-1)?.note(`the file has more than ${MAX_DEVICES} functions: the others are not read`);
        break;
      }
      const [, domain = '0000', rest = '', title = ''] = device;
      current = new Collector(kernelName(domain, rest), title.trim().slice(0, MAX_TITLE));
      dumps.push(current);
      continue;
    }
    // An empty line ends a function, as in lspci.
    if (line.trim() === '') current = undefined;
    const row = ROW.exec(line);
    if (row?.[1] === undefined || row[2] === undefined) continue;
    if (current === undefined) {
      // Rows before the first function: somebody kept only them.
      if (dumps.length > 0) continue;
      current = new Collector(null, '');
      dumps.push(current);
    }
    current.add(Number.parseInt(row[1], 16), row[2]);
  }
  return dumps.filter(({ length }) => length > 0).map((collector) => collector.dump());
}

/** Lower case, and four digits of domain, or more that do not begin with 0. */
function kernelName(domain: string, rest: string): string {
  return `${domain.replace(/^0+(?=.{4})/, '')}:${rest}`.toLowerCase();
}

/** One at a time: a file of lines without end must not become an array of them. */
function* lines(text: string): Generator<string> {
  let start = 0;
  while (start < text.length) {
    const newline = text.indexOf('\n', start);
    const end = newline < 0 ? text.length : newline;
    yield text.slice(start, Math.min(end, start + MAX_LINE)).replace(/\r$/, '');
    start = end + 1;
  }
}

/** The bytes of one function, row by row. */
class Collector {
  readonly #address: string | null;
  readonly #title: string;
  readonly #notes: string[] = [];
  /** Grows to what is needed: most dumps are of 256 bytes. Where rows are missing it reads as all ones, as lspci has it. */
  #bytes = Buffer.alloc(RAW_SIZES[1] ?? 0, 0xff);
  length = 0;

  constructor(address: string | null, title: string) {
    this.#address = address;
    this.#title = title;
  }

  add(start: number, text: string): void {
    const words = text.trim().split(/\s+/);
    const good = words.findIndex((word) => !BYTE.test(word));
    const row = good < 0 ? words : words.slice(0, good);
    if (good >= 0) this.note(`row ${start.toString(16)}: "${words[good]}" is no byte`);
    if (row.length === 0) return;
    const room = row.slice(0, Math.max(0, CONFIG_SPACE_SIZE - start));
    if (room.length < row.length)
      this.note(`row ${start.toString(16)} lies beyond the ${CONFIG_SPACE_SIZE} bytes of a space`);
    if (room.length === 0) return;
    if (start > this.length) this.note(`rows are missing before ${start.toString(16)}: taken as all ones`);
    if (start + room.length > this.#bytes.length)
      this.#bytes = Buffer.concat([this.#bytes, Buffer.alloc(CONFIG_SPACE_SIZE - this.#bytes.length, 0xff)]);
    for (const [i, byte] of room.entries()) this.#bytes[start + i] = Number.parseInt(byte, 16);
    this.length = Math.max(this.length, start + room.length);
  }

  dump(): ConfigDump {
    return {
      address: this.#address,
      title: this.#title,
      bytes: this.#bytes.subarray(0, this.length),
      notes: this.#notes,
    };
  }

  note(text: string): void {
    if (this.#notes.length < MAX_NOTES) this.#notes.push(text);
  }
}

/** Rows as lspci writes them: what {@link parseLspciDump} reads back. */
export function formatConfigRows(bytes: Buffer): string {
  let text = '';
  for (let start = 0; start < bytes.length; start += 16) {
    const row = Array.from(bytes.subarray(start, start + 16), (byte) => byte.toString(16).padStart(2, '0'));
    text += `${start.toString(16).padStart(2, '0')}: ${row.join(' ')}\n`;
  }
  return text;
}
