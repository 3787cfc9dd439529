/**
 * udev's hardware database, which has the names of pci.ids and usb.ids where these files are not installed: compiled
 * (hwdb.bin), and the texts that it is compiled from (hwdb(7)).
 */
import { type DatabaseKind, MAX_NAME, type NameSource } from './name-source';

const VENDOR = 'ID_VENDOR_FROM_DATABASE';
const DEVICE = 'ID_MODEL_FROM_DATABASE';

const ID = /^[0-9a-f]{4}$/;

/**
 * Returns the pattern that 20-usb-vendor-model.hwdb and 20-pci-vendor-model.hwdb have for an id: a modalias with `*`
 * behind.
 */
function pattern(kind: DatabaseKind, vendor: string, device?: string): string {
  const id = (letter: string, digits: string) => `${letter}${kind === 'pci' ? '0000' : ''}${digits.toUpperCase()}`;
  const model = device === undefined ? '' : id(kind === 'pci' ? 'd' : 'p', device);
  return `${kind}:${id('v', vendor)}${model}*`;
}

/** A property of a pattern as it stands there: other patterns that match the same device are not looked at. */
interface Properties {
  property(pattern: string, name: string): string | null;
}

class HwdbNames implements NameSource {
  readonly #properties: Properties;
  readonly #kind: DatabaseKind;

  constructor(properties: Properties, kind: DatabaseKind) {
    this.#properties = properties;
    this.#kind = kind;
  }

  vendor(vendor: string): string | null {
    return ID.test(vendor) ? this.#properties.property(pattern(this.#kind, vendor), VENDOR) : null;
  }

  device(vendor: string, device: string): string | null {
    if (!ID.test(vendor) || !ID.test(device)) return null;
    return this.#properties.property(pattern(this.#kind, vendor, device), DEVICE);
  }
}

/** Reads names from a compiled database; null where the bytes are none. */
export function compiledHwdb(bytes: Buffer, kind: DatabaseKind): NameSource | null {
  return Trie.isOne(bytes) ? new HwdbNames(new Trie(bytes), kind) : null;
}

/** Reads names from a text. */
export function textHwdb(bytes: Buffer, kind: DatabaseKind): NameSource {
  return new HwdbNames(new Text(bytes), kind);
}

/** hwdb.bin: a trie of patterns, little-endian, offsets from the file's begin (systemd's hwdb-internal.h). */
const SIGNATURE = 'KSLPHHRH';
const HEADER = { size: 80, nodeSize: 32, childSize: 40, valueSize: 48, root: 56 };
/** A node is followed by its children, then by its values. */
const NODE = { size: 24, prefix: 0, children: 8, values: 16 };
const CHILD = { size: 16, byte: 0, node: 8 };
/** Newer versions have 16 bytes more: where the value comes from. */
const VALUE = { size: 16, key: 0, value: 8 };

/** Properties that a pattern has at most; real ones have a dozen. */
const MOST_VALUES = 256;
/** The largest entry in bytes: larger ones are not of this format. */
const LARGEST_ENTRY = 256;

/** A lookup takes no more steps than the pattern has characters, whatever the file holds. */
class Trie implements Properties {
  readonly #bytes: Buffer;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  static isOne(bytes: Buffer): boolean {
    if (bytes.length < HEADER.size || bytes.toString('latin1', 0, 8) !== SIGNATURE) return false;
    const sizes = [
      [HEADER.nodeSize, NODE.size],
      [HEADER.childSize, CHILD.size],
      [HEADER.valueSize, VALUE.size],
    ] as const;
    return sizes.every(([at, least]) => {
      const size = bytes.readBigUInt64LE(at);
      return size >= least && size <= LARGEST_ENTRY;
    });
  }

  property(pattern: string, name: string): string | null {
    const node = this.#find(Buffer.from(pattern, 'latin1'));
    if (node === null) return null;
    const valueSize = this.#number(HEADER.valueSize);
    const first = this.#children(node) + this.#byte(node + NODE.children) * this.#number(HEADER.childSize);
    const count = Math.min(this.#number(node + NODE.values), MOST_VALUES);
    for (let i = 0; i < count; i++) {
      const entry = first + i * valueSize;
      // A key has the space in front that its line in the text has.
      if (this.#text(this.#number(entry + VALUE.key)) === ` ${name}`)
        return this.#text(this.#number(entry + VALUE.value)).trim() || null;
    }
    return null;
  }

  /** Finds the node where a pattern ends. */
  #find(pattern: Buffer): number | null {
    let node = this.#number(HEADER.root);
    for (let at = 0; ; at++) {
      const prefix = this.#number(node + NODE.prefix);
      if (prefix !== 0)
        for (let i = prefix; this.#byte(i) !== 0; i++, at++) if (this.#byte(i) !== pattern[at]) return null;
      const byte = pattern[at];
      if (byte === undefined) return node;
      const child = this.#child(node, byte);
      if (child === null) return null;
      node = child;
    }
  }

  #child(node: number, byte: number): number | null {
    const size = this.#number(HEADER.childSize);
    const first = this.#children(node);
    for (let i = 0; i < this.#byte(node + NODE.children); i++) {
      const entry = first + i * size;
      if (this.#byte(entry + CHILD.byte) === byte) return this.#number(entry + CHILD.node);
    }
    return null;
  }

  #children(node: number): number {
    return node + this.#number(HEADER.nodeSize);
  }

  /** Reads a byte; 0 outside of the file, where every string ends and no node has children. */
  #byte(at: number): number {
    return this.#bytes[at] ?? 0;
  }

  /** Reads eight bytes; 0 outside of the file. */
  #number(at: number): number {
    return at + 8 <= this.#bytes.length ? Number(this.#bytes.readBigUInt64LE(at)) : 0;
  }

  /** Reads a string; empty outside of the file, and in the header, which has none. */
  #text(at: number): string {
    return at < HEADER.size ? '' : line(this.#bytes, at, 0x00);
  }
}

/** A text is searched, never parsed: it has 100,000 lines, and a listing needs a dozen. */
class Text implements Properties {
  readonly #bytes: Buffer;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  property(pattern: string, name: string): string | null {
    const start = `\n${pattern}\n ${name}=`;
    const at = this.#bytes.indexOf(start, 0, 'latin1');
    return at < 0 ? null : line(this.#bytes, at + start.length, 0x0a).trim() || null;
  }
}

/** Reads the text from an offset to a byte that ends it; never more than one line of a name's length. */
function line(bytes: Buffer, at: number, end: number): string {
  const piece = bytes.subarray(at, at + MAX_NAME);
  const length = piece.indexOf(end);
  return piece.toString('utf8', 0, length < 0 ? piece.length : length).replace(/\n.*$/s, '');
}
