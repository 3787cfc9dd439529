/**
 * The seal of a code cache: two words before it, which keep it aligned as V8 wants it. The first is a sum of the file's
 * size and of eight words of each 4 KiB, as the CPU orders its bytes. A crash of the machine loses whole pages of a file
 * that was just written, and a page whose eight words are zero has hardly anything else; more words would take too long at
 * each start.
 */

/** Words of the seal, and the place of the first word that counts. */
export const SEAL = 2;

/** Words from one that counts to the next. */
export const STRIDE = 128;
