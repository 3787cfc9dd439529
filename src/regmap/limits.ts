import { type UdrvError, usageError } from '../errors';

/** Bytes of a file: the largest SVD files that are published have about 20 MiB. */
export const LARGEST_FILE = 64 * 2 ** 20;

/** Characters of a name, and of a description, which is cut. */
const LONGEST_NAME = 256;
const LONGEST_DESCRIPTION = 4096;

/** Registers, fields and values of a file when its arrays are unfolded: a large SVD file has 300,000. */
const MOST_PARTS = 1_000_000;

/** Makes the error of a file that is no map, or not one that can be used. */
export function mapError(file: string, message: string, hint?: string): UdrvError {
  return usageError(file, message, hint);
}

/** Bounds what a file may unfold to: a few lines of XML can ask for a billion registers. */
export class Budget {
  readonly #file: string;
  #left = MOST_PARTS;

  constructor(file: string) {
    this.#file = file;
  }

  /** @throws usage, when the file has spent more than there is */
  spend(count: number): void {
    this.#left -= count;
    if (this.#left < 0) throw mapError(this.#file, `has more than ${MOST_PARTS} registers, fields and values`);
  }
}

/** Returns a name without the blanks around it. @throws usage, where it is missing or too long */
export function checkName(file: string, what: string, text: string | undefined): string {
  const name = text?.trim();
  if (!name) throw mapError(file, `${what} has no name`);
  if (name.length > LONGEST_NAME)
    throw mapError(file, `${what} has a name of more than ${LONGEST_NAME} characters: ${name.slice(0, 40)}...`);
  return name;
}

/** Returns a description on one line, cut where it is too long; null: there is none. */
export function description(text: string | undefined): string | null {
  return text?.slice(0, LONGEST_DESCRIPTION).replace(/\s+/g, ' ').trim() || null;
}
