let word: Int32Array | undefined;

/** Blocks the thread for a time, without serving signals. */
export function sleep(milliseconds: number): void {
  word ??= new Int32Array(new SharedArrayBuffer(4));
  Atomics.wait(word, 0, 0, milliseconds);
}
