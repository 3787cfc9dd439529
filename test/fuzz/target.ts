import { UdrvError } from '../../src/errors';

/** A parser, and all that udrv does with what it gives. */
export interface Target {
  name: string;
  /** Inputs that are right, to begin with. */
  seeds: readonly Buffer[];
  /** Runs an input; a UdrvError is an answer, everything else that is thrown is a fault. */
  run(input: Buffer): void;
  /** The longest input in bytes; 4096 if not given. */
  longest?: number;
  /** One input in so many is enough: each takes a long time. */
  oneIn?: number;
  /** `json`: the inputs are changed as documents too, not only as bytes. */
  form?: 'json';
}

/** Most texts have nothing of it, and are asked no more. */
const NOT_PLAIN = /[^\n\x20-\x7e]/;

/** Control characters, and those that reorder text: what `visible()` and `json()` keep from a terminal. */
const HOSTILE = /[^\n\x20-\x7e\u00a0-\u{10ffff}]|[\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]/u;

/** @throws where a text that is shown would drive the terminal */
export function expectShown(text: string): void {
  if (!NOT_PLAIN.test(text)) return;
  const found = HOSTILE.exec(text);
  if (found !== null) throw new Error(`a control character reaches the terminal: ${JSON.stringify(found[0])}`);
}

/**
 * Runs an input of a target.
 *
 * @param show makes of an error what the command prints
 * @throws where a promise is broken
 */
export function runInput(target: Target, input: Buffer, show: (error: UdrvError) => string): void {
  try {
    target.run(input);
  } catch (error) {
    if (!(error instanceof UdrvError)) throw error;
    expectShown(show(error));
  }
}
