/** The name of the counters in the global scope: a byte for each block, which wraps. */
export const COUNTERS = '__udrvBlocks';
