import { readJsonMap } from './json';
import { Budget, LARGEST_FILE, mapError } from './limits';
import { readLitexCsv, readLitexJson } from './litex';
import type { RegisterMap } from './model';

/** Characters of a JSON or CSV file: LiteX's have 100,000. */
const LONGEST_TEXT = 16 * 2 ** 20;

/**
 * Reads a map of registers: CMSIS-SVD, LiteX's csr.csv and csr.json, or udrv's own JSON ({@link MapDocument}). The format
 * is told by the content. Time and memory are bounded, whatever the file holds.
 *
 * @param file the name of the file, for errors
 * @throws UdrvError exit 2, where the bytes are no map, or not one that can be used
 */
export function parseRegisterMap(bytes: Buffer, file: string): RegisterMap {
  if (bytes.length > LARGEST_FILE) throw mapError(file, `is larger than ${LARGEST_FILE} bytes`);
  const text = decode(bytes);
  const budget = new Budget(file);
  const first = /\S/.exec(text)?.[0];
  // The XML parser is loaded for an SVD alone.
  if (first === '<') return (require('./svd/read') as typeof import('./svd/read')).readSvd(text, file, budget);
  if (text.length > LONGEST_TEXT) throw mapError(file, `is longer than ${LONGEST_TEXT} characters`);
  if (first === '{') return readJson(text, file, budget);
  if (/^(?:csr_base|csr_register|constant|memory_region),/m.test(text)) return readLitexCsv(text, file, budget);
  throw mapError(
    file,
    'is no map of registers',
    "maps are CMSIS-SVD, LiteX's csr.csv and csr.json, and udrv's own JSON",
  );
}

function readJson(text: string, file: string, budget: Budget): RegisterMap {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (error) {
    throw mapError(file, `is no JSON: ${error instanceof Error ? error.message : error}`);
  }
  if (typeof document !== 'object' || document === null) throw mapError(file, 'is no JSON object');
  if (Reflect.get(document, 'schema') === 'udrv.map/1') return readJsonMap(document, file, budget);
  if ('csr_registers' in document || 'csr_bases' in document) return readLitexJson(document, file, budget);
  throw mapError(file, 'is no map of registers', 'its property `schema` has to be udrv.map/1');
}

/** Decodes UTF-8, and UTF-16 where a byte order mark says so: some vendors' files. */
function decode(bytes: Buffer): string {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return bytes.toString('utf16le', 2);
  return bytes.toString('utf8').replace(/^\ufeff/, '');
}
