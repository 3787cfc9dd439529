/** Sessions: a device that is held open, and steps that work with it. */
export type { SessionBuffer } from './buffer';
export { checkSteps, type Places, placeOf, type Ready, type ReadyRepeat, type ReadyStep } from './check';
export { parseSteps, type Repeat, type Statement, type Step } from './grammar';
export type { BlamedFault, Done, ReadRegister, StepResult, StepValue } from './result';
export { type KnownBuffer, type NameSource, Scope, type ScopeOptions, type SessionDeviceInfo } from './scope';
export { type DoOptions, Session, type SessionOptions, type StepDone } from './session';
export type { SessionDevice } from './state';
export { VERBS } from './steps';
export type { Verb, WordKind } from './steps/verb';
