/** Reads string descriptors from an open device: USB 2.0, section 9.6.7. */
import { type Descriptor, descriptor } from '../decode/descriptor';
import { LANGIDS } from '../decode/standard';

export interface UsbString {
  langId: number;
  index: number;
  text: string;
}

/** Asks for one string descriptor. @param what names the question, for a note @returns null where it was not answered */
type AskString = (what: string, index: number, langId: number) => Promise<Buffer | null>;

/** A device with more languages than this is lying. */
const MOST_LANGUAGES = 16;

/** Reads the strings of the given indices in all languages of the device, which descriptor 0 lists. */
export async function readStrings(
  ask: AskString,
  indices: ReadonlySet<number>,
): Promise<{ languages: Descriptor | null; strings: UsbString[] }> {
  const bytes = indices.size === 0 ? null : await ask('languages', 0, 0);
  if (bytes === null) return { languages: null, strings: [] };
  const languages = descriptor(LANGIDS, bytes.subarray(0, bytes.at(0)));
  const ids = languages.values['wLANGID'] as readonly number[] | undefined;
  const strings: UsbString[] = [];
  for (const langId of (ids ?? []).slice(0, MOST_LANGUAGES))
    for (const index of [...indices].sort((a, b) => a - b)) {
      const answer = await ask(`string ${index}`, index, langId);
      const text = answer === null ? null : stringText(answer);
      if (text !== null) strings.push({ langId, index, text });
    }
  return { languages, strings };
}

/** The text of a string descriptor: UTF-16, as far as its length and the bytes go. Null where it is none. */
export function stringText(bytes: Buffer): string | null {
  if (bytes.length < 2 || bytes.readUInt8(1) !== 0x03) return null;
  const end = Math.min(bytes.readUInt8(0), bytes.length);
  return bytes.subarray(2, end - (end % 2)).toString('utf16le');
}
