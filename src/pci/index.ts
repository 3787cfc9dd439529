/** PCI functions: configuration space from sysfs or from a dump, decoded. */
export { decodeConfig } from './config/decode';
export { type ConfigDump, formatConfigRows, parseConfigDump, parseLspciDump } from './config/dump';
export type { Fields, Value } from './config/fields';
export type { Capability, ConfigHeader, ConfigSpace } from './config/model';
export { readConfigSpace } from './config-file';
