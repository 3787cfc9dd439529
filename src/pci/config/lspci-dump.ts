import { usageError } from '../../errors';
import { CONFIG_SPACE_SIZE } from './decode';
import type { FunctionIds } from './types';

/** The configuration space of one function, read from a file. */
export interface ConfigDump {
  /** The address, written as the kernel does; null for a raw image, which tells of none, and for one not understood. */
  address: string | null;
  /** The text behind the address: lspci's name of the device. Any text: escape it before printing. */
  title: string;
  bytes: Buffer;
  /** Faults of the file, and lines that were not understood. Any text, as the title. */
  notes: string[];
}

/** Sizes of a raw image: a header, the conventional space, all of PCI Express. */
const RAW_SIZES = [64, 256, CONFIG_SPACE_SIZE] as const;

/** More functions than any machine has. */
const MAX_DEVICES = 16384;

/** lspci's own limit is 255. */
const MAX_LINE = 1024;
const MAX_TITLE = 256;
const MAX_NOTES = 8;
/** Characters of a line that is quoted in a note. */
const MAX_QUOTE = 60;

/** The first word of a function's line: `00:1f.2`, or with a domain. */
const ADDRESS = /^(?:([0-9a-f]{4,8}):)?([0-9a-f]{2}):([0-9a-f]{2}\.[0-7])$/i;

/** `lspci -P` and `-PP`: the address of the port in the root complex, then each step with its bus number or without. */
const STEP = /^(?:([0-9a-f]{2}):)?([0-9a-f]{2}\.[0-7])$/i;

/** `lspci -vmm`, whose functions have a line for each value. */
const TAGGED = /^(?:Slot|Device):\s+(\S+)$/;

/** A line of `lspci -vmm` between a function's address and its rows. */
const TAG = /^[A-Za-z]+:\t/;

/** Ends as an address does; text that looks so and is none is noted. */
const LIKE_ADDRESS = /^\S*[0-9a-f]{2}\.[0-7]$/i;

/** `00: 86 80 ...`, up to `ff0:`. */
const ROW = /^([0-9a-f]{2,8}): (.*)$/i;
const BYTE = /^[0-9a-f]{2}$/i;

/**
 * Reads a file with configuration spaces: the text of `lspci -x`, `-xxx` or `-xxxx`, with whatever other lines the
 * verbose options put between, or the bytes of one function's `config` in sysfs.
 *
 * @param subject the file's name in an error
 * @throws UdrvError exit 2 if it is neither
 */
export function parseConfigDump(content: Buffer, subject: string): ConfigDump[] {
  const sized = RAW_SIZES.some((size) => size === content.length);
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
 * Reads the text of `lspci -x`, `-xxx` or `-xxxx`, for any number of functions: addresses with or without domain, paths
 * through bridges (`-P`, `-PP`), machine-readable output. A function without bytes is left out. Rows that follow a
 * line which is not understood are a function without address, with a note; no line that looks like a function's is
 * passed over in silence.
 */
export function parseLspciDump(text: string): ConfigDump[] {
  const dumps: Collector[] = [];
  /** The function that rows belong to. */
  let current: Collector | undefined;
  /** The last line at the margin that is no function. */
  let stray: string | undefined;
  const unread: string[] = [];
  const begin = (collector: Collector) => {
    current = collector;
    stray = undefined;
    dumps.push(collector);
    return collector;
  };
  const full = () => {
    if (dumps.length < MAX_DEVICES) return false;
    dumps.at(-1)?.note(`the file has more than ${MAX_DEVICES} functions: the others are not read`);
    return true;
  };
  const passOver = () => {
    if (stray !== undefined && LIKE_ADDRESS.test(firstWord(stray)) && unread.length < MAX_NOTES) unread.push(stray);
    stray = undefined;
  };
  for (const line of lines(text)) {
    const row = ROW.exec(line);
    if (row?.[1] !== undefined && row[2] !== undefined) {
      const start = Number.parseInt(row[1], 16);
      // The first row again is of another function, whose line was lost.
      if (current === undefined || (start === 0 && current.length > 0)) {
        const line = stray;
        if (full()) break;
        current = begin(new Collector(null, line?.slice(0, MAX_TITLE) ?? ''));
        // A file of rows alone is no fault: somebody kept only them.
        if (line !== undefined) current.note(notUnderstood(line));
        else if (dumps.length > 1) current.note('rows without the line of a function');
      }
      current.add(start, row[2]);
      continue;
    }
    const found = functionLine(line);
    if (found !== undefined) {
      passOver();
      if (full()) break;
      begin(found);
    } else if (line.trim() === '') {
      // An empty line ends a function, as in lspci.
      current = undefined;
    } else if (/^\S/.test(line) && !TAG.test(line)) {
      passOver();
      stray = line;
    }
  }
  passOver();
  const read = dumps.filter(({ length }) => length > 0);
  resolvePaths(read);
  for (const line of unread) read.at(-1)?.note(notUnderstood(line));
  return read.map((collector) => collector.dump());
}

const notUnderstood = (line: string) => `the line "${line.slice(0, MAX_QUOTE)}" is no function's that is understood`;

const firstWord = (line: string) => line.split(/\s/, 1)[0] ?? '';

/** Reads the line that heads a function; undefined for any other line. */
function functionLine(line: string): Collector | undefined {
  const word = TAGGED.exec(line)?.[1] ?? firstWord(line);
  const title = line.startsWith(word) ? line.slice(word.length).trim().slice(0, MAX_TITLE) : '';
  const [first = '', ...rest] = word.split('/');
  const root = ADDRESS.exec(first);
  if (root === null) return undefined;
  const [, domain = '0000', rootBus, rootSlot = ''] = root;
  const steps = rest.map((step) => STEP.exec(step));
  if (steps.includes(null)) return undefined;
  const [bus, slot = ''] = steps.at(-1)?.slice(1) ?? [rootBus, rootSlot];
  const collector = new Collector(bus === undefined ? null : kernelName(domain, bus, slot), title);
  collector.path = { text: word, domain, slot };
  return collector;
}

/**
 * Gives addresses to functions whose path tells no bus number: it is in the header of the bridge above, which has the
 * path without the last step. Bridges come before the functions behind them.
 */
function resolvePaths(dumps: readonly Collector[]): void {
  const bridges = new Map<string, Collector>();
  for (const dump of dumps) {
    if (dump.path === undefined) continue;
    const { text, domain, slot } = dump.path;
    bridges.set(text, dump);
    if (dump.address !== null) continue;
    const bus = bridges.get(text.slice(0, text.lastIndexOf('/')))?.secondaryBus();
    if (bus === undefined) dump.note(`the path ${text} tells no bus number, and its bridge is not in the file`);
    else dump.address = kernelName(domain, bus, slot);
  }
}

/** Writes an address in lower case, with four digits of domain, or more that do not begin with 0. */
function kernelName(domain: string, bus: string, slot: string): string {
  return `${domain.replace(/^0+(?=.{4})/, '')}:${bus}:${slot}`.toLowerCase();
}

/** `[8086:1889]` behind the name, as lspci -nn writes it; `0200: 8086:1889`, as lspci -n. */
const IDS = /\[([0-9a-f]{4}):([0-9a-f]{4})\]|^(?:Class )?[0-9a-f]{4}: ([0-9a-f]{4}):([0-9a-f]{4})\b/i;

/** Finds the ids that lspci put into a function's title, from sysfs; undefined where it wrote only names. */
export function idsInTitle(title: string): FunctionIds | undefined {
  const [, bracketVendor, bracketDevice, vendor = bracketVendor, device = bracketDevice] = IDS.exec(title) ?? [];
  if (vendor === undefined || device === undefined) return undefined;
  return { vendorId: vendor.toLowerCase(), deviceId: device.toLowerCase() };
}

/** Gives lines one at a time: a file of lines without end must not become an array of them. */
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
  address: string | null;
  /** The first word of the function's line, and the parts of it that an address is made of. */
  path: { text: string; domain: string; slot: string } | undefined;
  readonly #title: string;
  readonly #notes: string[] = [];
  /** Grows as needed: most dumps are of 256 bytes. Where rows are missing it reads as all ones, as in lspci. */
  #bytes = Buffer.alloc(RAW_SIZES[1], 0xff);
  length = 0;

  constructor(address: string | null, title: string) {
    this.address = address;
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

  /** Reads the number of the bus behind a PCI bridge, two hex digits; undefined for any other function. */
  secondaryBus(): string | undefined {
    if (this.length < RAW_SIZES[0] || (this.#bytes.readUInt8(0x0e) & 0x7f) !== 1) return undefined;
    return this.#bytes.readUInt8(0x19).toString(16).padStart(2, '0');
  }

  dump(): ConfigDump {
    return {
      address: this.address,
      title: this.#title,
      bytes: this.#bytes.subarray(0, this.length),
      notes: this.#notes,
    };
  }

  note(text: string): void {
    if (this.#notes.length < MAX_NOTES) this.#notes.push(text);
  }
}

/** Writes rows as lspci does, for {@link parseLspciDump} to read back. */
export function formatConfigRows(bytes: Buffer): string {
  let text = '';
  for (let start = 0; start < bytes.length; start += 16) {
    const row = Array.from(bytes.subarray(start, start + 16), (byte) => byte.toString(16).padStart(2, '0'));
    text += `${start.toString(16).padStart(2, '0')}: ${row.join(' ')}\n`;
  }
  return text;
}
