import { type Budget, mapError } from '../limits';

/** Elements of CMSIS-SVD that have a name and elements in them, and those that may stand in each. */
const INSIDE = {
  device: ['peripheral'],
  peripheral: ['register', 'cluster'],
  cluster: ['register', 'cluster'],
  register: ['field'],
  field: ['enumeratedValues'],
  enumeratedValues: ['enumeratedValue'],
  enumeratedValue: [],
} as const satisfies Readonly<Record<string, readonly string[]>>;
export type Kind = keyof typeof INSIDE;

/** Elements that only stand around others. */
const WRAPPERS = new Set(['peripherals', 'registers', 'fields']);

/** Elements with a text that is looked at. */
const PROPERTIES = [
  'name',
  'description',
  'baseAddress',
  'addressOffset',
  'size',
  'access',
  'resetValue',
  'readAction',
  'modifiedWriteValues',
  'bitOffset',
  'bitWidth',
  'lsb',
  'msb',
  'bitRange',
  'value',
  'isDefault',
  'usage',
  'dim',
  'dimIncrement',
  'dimIndex',
] as const;
type Property = (typeof PROPERTIES)[number];
export type Properties = Partial<Record<Property, string>>;

/** An element of the file, as it stands there. */
export interface SvdElement {
  kind: Kind;
  parent: SvdElement | null;
  derivedFrom: string | null;
  properties: Properties;
  children: SvdElement[];
}

/** Elements in elements: clusters may be nested, but nobody nests this many. */
const DEEPEST = 64;
/** Characters of a text that are kept: names are checked later, descriptions cut. */
const LONGEST_TEXT = 64 * 1024;
/** Characters that the parser gets at a time. */
const PIECE = 64 * 1024;

/**
 * Reads the elements of a CMSIS-SVD file; those that say nothing of registers are left out. Entities are those of XML
 * alone: the parser takes no definitions from a DOCTYPE, so that none can unfold.
 *
 * @throws usage, where the text is no XML or no SVD
 */
export function readElements(text: string, file: string, budget: Budget): SvdElement {
  const reader = new Reader(file, budget);
  const parser = openParser();
  parser.on('error', ({ message }) => {
    throw mapError(file, `is no XML: ${message}`);
  });
  parser.on('opentag', ({ name, attributes }) => reader.open(name, attributes['derivedFrom']));
  parser.on('closetag', () => reader.close());
  parser.on('text', (piece) => reader.text(piece));
  parser.on('cdata', (piece) => reader.text(piece));
  for (let at = 0; at < text.length; at += PIECE) parser.write(text.slice(at, at + PIECE));
  parser.close();
  return reader.device();
}

/** The part of saxes that is used; its own types are not those of a strict compiler. */
interface XmlParser {
  on(event: 'error', handler: (error: Error) => void): void;
  on(event: 'opentag', handler: (tag: { name: string; attributes: Record<string, string> }) => void): void;
  on(event: 'closetag', handler: () => void): void;
  on(event: 'text' | 'cdata', handler: (text: string) => void): void;
  write(text: string): void;
  close(): void;
}

function openParser(): XmlParser {
  const { SaxesParser } = require('saxes') as { SaxesParser: new () => XmlParser };
  return new SaxesParser();
}

/** The meaning of an open tag: an element, a wrapper or something left out (null), or a property. */
type Open = SvdElement | null | Property;

class Reader {
  readonly #file: string;
  readonly #budget: Budget;
  readonly #open: Open[] = [];
  #inside: SvdElement | null = null;
  /** Depth of the element that is left out with all in it; 0: none. */
  #skipped = 0;
  #device: SvdElement | null = null;
  #text = '';

  constructor(file: string, budget: Budget) {
    this.#file = file;
    this.#budget = budget;
  }

  open(tag: string, derivedFrom: string | undefined): void {
    if (this.#open.length >= DEEPEST) throw mapError(this.#file, `has more than ${DEEPEST} elements in each other`);
    this.#open.push(this.#skipped > 0 ? null : this.#meaning(tag, derivedFrom));
    this.#text = '';
  }

  text(piece: string): void {
    if (typeof this.#open.at(-1) === 'string' && this.#text.length < LONGEST_TEXT) this.#text += piece;
  }

  close(): void {
    if (this.#open.length === this.#skipped) this.#skipped = 0;
    const closed = this.#open.pop();
    if (typeof closed === 'string' && this.#inside !== null)
      this.#inside.properties[closed] ??= this.#text.slice(0, LONGEST_TEXT).trim();
    else if (typeof closed === 'object' && closed !== null) this.#inside = closed.parent;
  }

  device(): SvdElement {
    if (this.#device === null) throw mapError(this.#file, 'is no CMSIS-SVD: it has no element `device`');
    return this.#device;
  }

  #meaning(tag: string, derivedFrom: string | undefined): Open {
    const parent = this.#inside;
    if (typeof this.#open.at(-1) !== 'string') {
      if (parent === null && tag === 'device' && this.#open.length === 0) return this.#enter('device', derivedFrom);
      if (parent !== null) {
        if (WRAPPERS.has(tag)) return null;
        const kind = (INSIDE[parent.kind] as readonly Kind[]).find((one) => one === tag);
        if (kind !== undefined) return this.#enter(kind, derivedFrom);
        const property = PROPERTIES.find((one) => one === tag);
        if (property !== undefined) return property;
      }
    }
    this.#skipped = this.#open.length + 1;
    return null;
  }

  #enter(kind: Kind, derivedFrom: string | undefined): SvdElement {
    this.#budget.spend(1);
    const parent = this.#inside;
    const element = { kind, parent, derivedFrom: derivedFrom ?? null, properties: {}, children: [] };
    parent?.children.push(element);
    if (kind === 'device') this.#device = element;
    this.#inside = element;
    return element;
  }
}
