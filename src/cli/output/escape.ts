import { hexDigits } from '../../text/hex';

/**
 * Characters of a device's text that must not reach a terminal: control characters (C0, DEL, C1), invisible ones that
 * reorder or break lines (bidirectional controls, line separators), and lone surrogates.
 */
const HOSTILE = /[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]/gu;

/** {@link HOSTILE} without the characters that JSON.stringify escapes by itself. */
const HOSTILE_IN_JSON = /[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

const unicodeEscape = (code: number) => `\\u${hexDigits(code, 4)}`;

/** Escapes characters that would drive the terminal, as `\x1b`. */
export function visible(text: string): string {
  return text.replace(HOSTILE, (char) => {
    const code = char.charCodeAt(0);
    return code < 0x100 ? `\\x${hexDigits(code, 2)}` : unicodeEscape(code);
  });
}

/** Makes JSON that is safe to show: JSON.stringify leaves DEL and C1 alone, and 0x9b begins a control sequence. */
export function json(value: unknown, indent?: number): string {
  return JSON.stringify(value, null, indent).replace(HOSTILE_IN_JSON, (char) => unicodeEscape(char.charCodeAt(0)));
}
