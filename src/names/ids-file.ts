/**
 * Search in the text of a pci.ids or usb.ids file, as pciutils and usbutils publish them: vendors are lines of four
 * hex digits, two spaces and a name, in ascending order; the devices of a vendor follow it, indented by one tab;
 * lines with more tabs, comments, and the sections after the last vendor (classes, languages...) are not looked at.
 *
 * The file has 40,000 lines and a listing needs a dozen of them: it is bisected, never parsed. A vendor that is not found
 * so is searched from the start, because files with lines of their owner's own, in any order, are met.
 */
import { MAX_NAME, type NameSource } from './name-source';

/** The begin of a vendor's line: the newline, the id and two spaces. */
const VENDOR_LINE = /\n[0-9a-f]{4} {2}/;
const VENDOR_WIDTH = 7;

/** A line that is no part of the vendor above it. */
const TOP_LINE = /\n[^\t#\r\n]/;
const TOP_WIDTH = 2;

/** Bytes that a search decodes at first; most vendors are smaller. */
const WINDOW = 2048;

const HASH = 0x23;

const ID = /^[0-9a-f]{4}$/;

/** The place of a vendor: offsets of the newline before its line, and of the one after its last device. */
interface Block {
  start: number;
  end: number;
}

export class IdsFile implements NameSource {
  readonly #bytes: Buffer;
  /** The places by vendor; null: not in the file. */
  readonly #blocks = new Map<string, Block | null>();
  /** The probes of bisections by their begin: every search repeats the first few. */
  readonly #probes = new Map<number, number | null>();

  constructor(content: Buffer) {
    // Each line that counts then begins with a newline, the first one too. The published files begin with a comment.
    this.#bytes = content[0] === HASH ? content : Buffer.concat([Buffer.from('\n'), content]);
  }

  /** Returns the vendor's name; null where the file does not know it. */
  vendor(vendor: string): string | null {
    const block = this.#block(vendor);
    return block === null ? null : this.#name(block.start + VENDOR_WIDTH);
  }

  /** Returns the device's name; null where the file does not know it. */
  device(vendor: string, device: string): string | null {
    const block = this.#block(vendor);
    if (block === null || !ID.test(device)) return null;
    const prefix = `\n\t${device}  `;
    const at = this.#bytes.subarray(block.start, block.end).indexOf(prefix, 0, 'latin1');
    return at < 0 ? null : this.#name(block.start + at + prefix.length);
  }

  #block(vendor: string): Block | null {
    let block = this.#blocks.get(vendor);
    if (block === undefined) {
      const start = ID.test(vendor) ? (this.#bisect(vendor) ?? this.#scan(vendor)) : null;
      block = start === null ? null : { start, end: this.#end(start) };
      this.#blocks.set(vendor, block);
    }
    return block;
  }

  /** Finds a vendor's line. Each turn at least halves the range from `low` to `high`, whatever the file holds. */
  #bisect(vendor: string): number | null {
    let low = 0;
    let high = this.#bytes.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const at = this.#probe(middle, high);
      if (at === null) {
        high = middle;
        continue;
      }
      const found = this.#bytes.toString('latin1', at + 1, at + 5);
      if (found === vendor) return at;
      if (found < vendor) low = at + 1;
      else high = middle;
    }
    return null;
  }

  #scan(vendor: string): number | null {
    const at = this.#bytes.indexOf(`\n${vendor}  `, 0, 'latin1');
    return at < 0 ? null : at;
  }

  /**
   * Finds the first vendor line that begins in a range. `from` alone identifies it: a bisection meets each middle with
   * one end.
   */
  #probe(from: number, to: number): number | null {
    let at = this.#probes.get(from);
    if (at === undefined) {
      at = this.#search(VENDOR_LINE, VENDOR_WIDTH, from, to);
      this.#probes.set(from, at);
    }
    return at;
  }

  #end(start: number): number {
    return this.#search(TOP_LINE, TOP_WIDTH, start + 1, this.#bytes.length) ?? this.#bytes.length;
  }

  /** Finds the first match of `width` bytes that begins in a range, decoding no more text than it must. */
  #search(pattern: RegExp, width: number, from: number, to: number): number | null {
    for (let begin = from, size = WINDOW; begin < to; begin += size, size *= 2) {
      const end = Math.min(begin + size, to) + width - 1;
      const at = this.#bytes.toString('latin1', begin, end).search(pattern);
      if (at >= 0) return begin + at;
    }
    return null;
  }

  #name(start: number): string | null {
    const newline = this.#bytes.indexOf(0x0a, start);
    const end = newline < 0 ? this.#bytes.length : newline;
    return this.#bytes.toString('utf8', start, Math.min(end, start + MAX_NAME)).trim() || null;
  }
}
