import { usageError } from '../../errors';
import { parseCount, parseRange, parseSize, parseWord } from '../../model/notation';
import { checkRange, checkValue, putWordLE } from '../../model/registers';
import { VFIO_IRQ_NAMES } from '../../vfio/device/irq-set';
import { type DmaMemoryOptions, READ_WRITE } from '../../vfio/dma/buffer';
import type { DmaAccess } from '../../vfio/dma/iommu';
import type { OwnedBuffer } from '../buffer';
import { dataOf, writeWhole } from '../files';
import { type Area, takeWidth } from '../location';
import { DONE, type StepResult } from '../result';
import type { KnownBuffer, Scope } from '../scope';
import type { Words } from '../words';
import { ALL, type Verb } from './verb';

/** The largest buffer: all of it is pinned. */
const MAX_SIZE = 2 ** 30;

const ACCESS: Readonly<Record<string, DmaAccess | null>> = {
  rw: { read: true, write: true },
  r: { read: true, write: false },
  w: { read: false, write: true },
  none: null,
};

function parseAccess(text: string, { usage }: Words): DmaAccess | null {
  const access = ACCESS[text];
  if (access === undefined || !Object.hasOwn(ACCESS, text))
    throw usageError(text, 'is not an access of the device', `write rw, r or w: ${usage}`);
  return access;
}

function resultOf({ name, iova, length, access }: OwnedBuffer): StepResult {
  return { kind: 'buffer', buffer: name, iova, size: length, access };
}

/** Takes the words `BUF` or `BUF:RANGE`. */
export function takeBuffer(words: Words, scope: Scope): Area {
  return bufferArea(words.next('buffer'), scope);
}

export function bufferArea(text: string, scope: Scope): Area {
  const colon = text.indexOf(':');
  const name = colon < 0 ? text : text.slice(0, colon);
  const { length } = scope.buffer(name);
  if (colon < 0) return { region: name, offset: 0, length };
  const after = text.slice(colon + 1);
  // Bytes have no width: an offset alone means all from there on.
  const range = /[+-]/.test(after)
    ? parseRange(after, 1)
    : { offset: parseSize(after, 'an offset'), length: length - parseSize(after, 'an offset') };
  checkRange(scope.address, scope.region(name), range, 1);
  return { region: name, ...range };
}

const bytesOf = (buffer: OwnedBuffer, { offset, length }: Area) => buffer.bytes.subarray(offset, offset + length);

/** Names that mean something else where a buffer may stand. */
const TAKEN = new Set<string>([...VFIO_IRQ_NAMES, 'config', 'rom', 'vga']);

export const buf: Verb = {
  usage: 'buf NAME SIZE|UDMABUF [rw|r|w|none] [--huge SIZE] [--node N] [--bits N]',
  summary: 'makes a buffer of whole pages, mapped for these accesses of the device; with UIO, takes one of u-dma-buf',
  takes: ['other', 'other', 'access'],
  for: ALL,
  prepare(words, scope) {
    const placement = takePlacement(words, scope);
    const name = words.next('name');
    const what = words.next('size');
    mustBeNew(name, scope);
    if (scope.info.framework === 'uio') {
      words.end();
      const lent = scope.uDmaBuf(what);
      keep(name, { length: lent.size, access: READ_WRITE }, scope);
      return (state) => {
        const buffer = state.lend(name, lent);
        buffer.map(READ_WRITE);
        return resultOf(buffer);
      };
    }
    const size = parseSize(what);
    const access = parseAccess(words.optional() ?? 'rw', words);
    words.end();
    if (size < 1 || size > MAX_SIZE) throw usageError(`${size}`, 'is no size for a buffer: 1 byte to 1G');
    keep(name, { length: scope.pages(size, placement.hugePage), access }, scope);
    return (state) => {
      const buffer = state.allocate(name, size, placement);
      try {
        if (access !== null) buffer.map(access);
      } catch (error) {
        state.free(name);
        throw error;
      }
      return resultOf(buffer);
    };
  },
};

function mustBeNew(name: string, scope: Scope): void {
  if (!/^[A-Za-z_]\w{0,31}$/.test(name))
    throw usageError(name, 'is not a name for a buffer', 'letters, digits and _, the first no digit, 32 at most');
  if (scope.hasRegion(name) || TAKEN.has(name) || /^(?:bar|map|port|region)\d+$/.test(name))
    throw usageError(name, 'is the name of a region or an interrupt', 'choose another for the buffer');
  if (scope.buffers.has(name)) throw usageError(name, 'is there already', `free ${name} gives it back`);
}

function keep(name: string, buffer: KnownBuffer, scope: Scope): void {
  scope.buffers.set(name, buffer);
  scope.freed.delete(name);
}

/** Takes the options that place a buffer's pages and address. */
function takePlacement(words: Words, { info }: Scope): DmaMemoryOptions {
  const take = <T>(option: string, parse: (text: string) => T): T | undefined => {
    const text = words.option(option);
    if (text === undefined) return undefined;
    if (info.framework !== 'vfio') throw usageError(option, `not for ${info.framework.toUpperCase()} devices`);
    return parse(text);
  };
  const hugePage = take('--huge', (text) => parseSize(text));
  if (hugePage !== undefined && !(hugePage >= 4096 && Number.isInteger(Math.log2(hugePage))))
    throw usageError('--huge', 'is no size of a page', '2M and 1G are those of x86-64');
  const addressBits = take('--bits', (text) => parseCount(text));
  if (addressBits !== undefined && !(addressBits >= 12 && addressBits <= 64))
    throw usageError('--bits', 'a device drives 12 to 64 address bits');
  return { hugePage, numaNode: take('--node', (text) => parseSize(text, 'a node')), addressBits };
}

export const map: Verb = {
  usage: 'map BUF [rw|r|w]',
  summary: 'lets the device reach a buffer again',
  takes: ['buffer', 'access'],
  for: ['vfio'],
  prepare(words, scope) {
    const name = words.next('buffer');
    const access = parseAccess(words.optional() ?? 'rw', words);
    words.end();
    if (access === null) throw usageError('none', 'is no access', `unmap ${name} takes it away`);
    const known = scope.buffer(name);
    if (known.access !== null) throw usageError(name, 'is mapped already', `unmap ${name} first`);
    scope.buffers.set(name, { ...known, access });
    return (state) => {
      const buffer = state.buffer(name);
      buffer.map(access);
      return resultOf(buffer);
    };
  },
};

export const unmap: Verb = {
  usage: 'unmap BUF',
  summary: 'takes a buffer away from the device; its content and address stay',
  takes: ['buffer'],
  for: ['vfio'],
  prepare(words, scope) {
    const name = words.next('buffer');
    words.end();
    const known = scope.buffer(name);
    if (known.access === null) throw usageError(name, 'is not mapped');
    scope.buffers.set(name, { ...known, access: null });
    return (state) => {
      const buffer = state.buffer(name);
      buffer.unmap();
      return resultOf(buffer);
    };
  },
};

export const free: Verb = {
  usage: 'free BUF',
  summary: 'gives a buffer back',
  takes: ['buffer'],
  for: ALL,
  prepare(words, scope) {
    const name = words.next('buffer');
    words.end();
    scope.buffer(name);
    scope.buffers.delete(name);
    scope.freed.add(name);
    return (state) => {
      state.free(name);
      return DONE;
    };
  },
};

export const fill: Verb = {
  usage: 'fill BUF[:RANGE] VALUE [-w W]',
  summary: 'fills a buffer with a byte, or with a wider word',
  takes: ['buffer', 'other'],
  for: ALL,
  prepare(words, scope) {
    const width = takeWidth(words) ?? 1;
    const area = takeBuffer(words, scope);
    const text = words.next('value');
    words.end();
    const value = parseWord(text, 'a value');
    checkRange(scope.address, scope.region(area.region), area, width);
    checkValue(scope.address, scope.region(area.region), width, value);
    const pattern = Buffer.alloc(width);
    putWordLE(pattern, 0, width, value);
    return (state) => {
      bytesOf(state.buffer(area.region), area).fill(pattern);
      return DONE;
    };
  },
};

export const load: Verb = {
  usage: 'load BUF[:OFFSET] HEX|@FILE',
  summary: 'puts data into a buffer',
  takes: ['buffer', 'other'],
  for: ALL,
  prepare(words, scope) {
    const area = takeBuffer(words, scope);
    const data = dataOf(words.next('data'), area.length);
    words.end();
    return async (state, { signal }) => {
      const bytes = await data.read({ timeoutMs: state.timeoutMs, signal });
      bytes?.copy(state.buffer(area.region).bytes, area.offset);
      return DONE;
    };
  },
};

export const save: Verb = {
  usage: 'save BUF[:RANGE] @FILE',
  summary: 'writes a buffer to a file',
  takes: ['buffer', 'other'],
  for: ALL,
  prepare(words, scope) {
    const area = takeBuffer(words, scope);
    const file = words.next('file');
    words.end();
    if (!/^@./.test(file)) throw usageError(file, 'is no file', `usage: ${words.usage}`);
    return async (state, { signal }) => {
      const bytes = bytesOf(state.buffer(area.region), area);
      await writeWhole(file.slice(1), bytes, { timeoutMs: state.timeoutMs, signal });
      return DONE;
    };
  },
};

export const hexdump: Verb = {
  usage: 'hexdump BUF[:RANGE]',
  summary: 'the bytes of a buffer, with ASCII',
  takes: ['buffer'],
  for: ALL,
  prepare(words, scope) {
    const area = takeBuffer(words, scope);
    words.end();
    return (state) => ({
      kind: 'bytes',
      buffer: area.region,
      offset: area.offset,
      bytes: Buffer.from(bytesOf(state.buffer(area.region), area)),
    });
  },
};
