/**
 * Whether a plain load of an element is enough where memory or a register is read again and again: the CPU keeps plain
 * loads in their order, as x86 does. That V8 neither splits, merges nor moves them is held by test/unit/sys/mmio.test.ts.
 * `Atomics.load` says the same everywhere, but is a call, ten times as long.
 */
export const KEEPS_LOAD_ORDER = process.arch === 'x64';
