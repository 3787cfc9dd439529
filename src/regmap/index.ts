export { fieldWriteHazard, readHazard, writeHazard } from './hazards';
export type { FieldDocument, JsonNumber, MapDocument, PeripheralDocument, RegisterDocument } from './json';
export {
  type AccessType,
  type EnumeratedValue,
  type NamedRegister,
  type Peripheral,
  type ReadAction,
  type RegisterField,
  type RegisterMap,
  valueName,
  type WriteAction,
} from './model';
export { type PlacedRegister, RegisterNames, type ResolvedLocation, resolveLocation } from './names';
export { parseRegisterMap } from './parse';
export { type MapDevice, type PlacedPeripheral, placeMap } from './place';
export { type MapReference, parseMapReference } from './reference';
