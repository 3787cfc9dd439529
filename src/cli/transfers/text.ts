import { usageError } from '../../errors';

const ESCAPES: Readonly<Record<string, number>> = { n: 0x0a, r: 0x0d, t: 0x09, '0': 0x00, '\\': 0x5c };

/** Parses the text of `--text` to the bytes of its UTF-8, with the escapes of C for a few control characters and any byte. */
export function parseText(text: string): Buffer {
  const pieces = text.split(/(\\x[0-9a-f]{2}|\\[\s\S]?)/i);
  return Buffer.concat(pieces.map((piece) => (piece.startsWith('\\') ? escaped(piece, text) : Buffer.from(piece))));
}

function escaped(piece: string, text: string): Buffer {
  const byte = piece.length === 4 ? Number.parseInt(piece.slice(2), 16) : ESCAPES[piece.slice(1)];
  if (byte === undefined)
    throw usageError(
      text,
      `has no escape ${piece}`,
      'write \\n, \\r, \\t, \\0, \\xNN for any byte, \\\\ for a backslash',
    );
  return Buffer.of(byte);
}
