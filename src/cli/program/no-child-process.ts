// Stands in for node:child_process in the bundle, see build.config.cjs.
export {};
