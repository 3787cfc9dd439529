// Stands in for the node:child_process of commander, see build.config.cjs.
export {};
