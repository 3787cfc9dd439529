export { fieldWriteHazard, readHazard, writeHazard } from './hazards';
export type { FieldDocument, JsonNumber, MapDocument, PeripheralDocument, RegisterDocument } from './json';
export { type ListedRegister, listRegisters, readListed } from './listing';
export {
  type AccessType,
  type EnumeratedValue,
  fieldMeaning,
  type NamedRegister,
  type Peripheral,
  type ReadAction,
  type RegisterField,
  type RegisterMap,
  type WriteAction,
} from './model';
export {
  accessWidth,
  fullName,
  locationOf,
  type PlacedRegister,
  RegisterNames,
  type ResolvedLocation,
  resolveLocation,
} from './names';
export { parseRegisterMap } from './parse';
export { findPeripheral, type MapDevice, type PlacedPeripheral, placeMap } from './place';
export { type MapReference, parseMapReference } from './reference';
