/** PCI functions: registers of their BARs through sysfs; configuration space from sysfs or from a dump, decoded. */
export type { PciAttributes, PciDeviceInfo } from '../model/device';
export { decodeConfig } from './config/decode';
export type { Fields, RegisterValue } from './config/fields';
export { type ConfigDump, formatConfigRows, parseConfigDump, parseLspciDump } from './config/lspci-dump';
export type { Capability, ConfigHeader, ConfigSpace, FunctionIds } from './config/types';
export { PciDevice } from './device';
export { inspectPciDetails, type PciDetails, type PciLink } from './function-details';
export { readConfigSpace } from './sysfs-config';
export { parseVpd, readVpd, type VitalProductData, type VpdField } from './vpd';
