import { Exit, fromSysError, SysError, UdrvError } from '../../errors';
import { attempt } from '../../sys/attempt';
import type { Journal, LeftNote } from '../../sys/journal';
import { StateLocked } from '../../sys/state';
import {
  asTakenBusMaster,
  giveBackBusMaster,
  isStillDriven,
  lacksBusMaster,
  type TakenBusMaster,
} from '../../uio/bus-master';
import { giveBackInterfaces, type LeftInterface, leftInterfaces } from '../../usb/device/left-behind';
import { asTaken, type TakenInterfaces } from '../../usb/device/taken';
import type { Context } from '../program/context';
import { journalOf } from './open';

/** The outcome of a look for what processes that were killed have left behind. */
export interface Mended {
  /** Interfaces that have a driver again. */
  interfaces: LeftInterface[];
  errors: UdrvError[];
}

/** Gives back what udrv processes that were killed have left behind, and says so. No error ends the command. */
export function mendLeft(context: Context): void {
  for (const { subject, message, hint } of giveBackLeft(context).errors)
    context.warn(`${subject}: ${message}${hint === undefined ? '' : `; ${hint}`}`);
}

/** Gives back what udrv processes that were killed have left behind, and says what was. */
export function giveBackLeft(context: Context): Mended {
  const mended: Mended = { interfaces: [], errors: [] };
  try {
    giveBackNotes(context, mended);
  } catch (error) {
    // The journal itself cannot be read or locked.
    if (!(error instanceof SysError)) throw error;
    mended.errors.push(fromSysError(error, { exit: Exit.failed }));
  }
  return mended;
}

function giveBackNotes(context: Context, mended: Mended): void {
  const journal = journalOf(context);
  const notes = journal?.left() ?? [];
  // Another process is at it.
  using lock = journal === undefined || notes.length === 0 ? null : tryLock(journal);
  if (lock === null) return;
  for (const note of notes) {
    const interfaces = asTaken(note.what);
    const busMaster = asTakenBusMaster(note.what);
    try {
      if (interfaces !== null) mendInterfaces(context, note, interfaces, mended);
      else if (busMaster !== null) mendBusMaster(context, note, busMaster);
      else note.drop();
    } catch (error) {
      if (!(error instanceof UdrvError)) throw error;
      mended.errors.push(error);
    }
  }
}

/** Lists the interfaces that udrv processes which were killed have left without their drivers. */
export function leftByKilled(context: Context): LeftInterface[] {
  return leftNotes(context).flatMap(({ what }) => leftIn(context, asTaken(what)));
}

/** Notes for those who only tell of them; none where the journal cannot be read. */
function leftNotes(context: Context): readonly LeftNote[] {
  return attempt(() => journalOf(context)?.left(), undefined) ?? [];
}

function leftIn({ sys }: Context, interfaces: TakenInterfaces | null): LeftInterface[] {
  return (interfaces && leftInterfaces(sys, interfaces)) ?? [];
}

/** Says what udrv processes that were killed have left behind. */
export function tellLeft(context: Context): void {
  const { sys } = context;
  for (const { pid, what } of leftNotes(context)) {
    const interfaces = asTaken(what);
    const busMaster = asTakenBusMaster(what);
    for (const { name, driver } of leftIn(context, interfaces))
      context.note(`${name}: ${taken(pid, driver)}; udrv usb attach --all gives it back`);
    if (busMaster !== null && lacksBusMaster(sys, busMaster) && isStillDriven(sys, busMaster))
      context.note(`${busMaster.address}: ${switchedOff(pid)}; udrv restore --all switches it on`);
  }
}

function mendInterfaces(context: Context, note: LeftNote, interfaces: TakenInterfaces, mended: Mended): void {
  const { sys } = context;
  const left = leftInterfaces(sys, interfaces);
  if (left === null) return;
  const errors = left.length === 0 ? [] : giveBackInterfaces(sys, interfaces, left);
  note.drop();
  mended.errors.push(...errors);
  for (const one of left) {
    if (errors.some(({ subject }) => subject === one.name)) continue;
    mended.interfaces.push(one);
    context.note(`${one.name}: ${taken(note.pid, one.driver)}: it has its driver again`);
  }
}

function mendBusMaster(context: Context, note: LeftNote, busMaster: TakenBusMaster): void {
  const { sys } = context;
  const { address } = busMaster;
  const isOff = lacksBusMaster(sys, busMaster);
  const isWanted = isOff && isStillDriven(sys, busMaster);
  if (isWanted) giveBackBusMaster(sys, busMaster);
  note.drop();
  if (isWanted) context.note(`${address}: ${switchedOff(note.pid)}: it is on again`);
  else if (isOff)
    context.note(`${address}: ${switchedOff(note.pid)}: it stays off, for who drove the device has ended`);
}

function taken(pid: number, driver: string): string {
  return `was taken from ${driver} by a udrv that was killed (pid ${pid})`;
}

function switchedOff(pid: number): string {
  return `the end of a udrv that was killed (pid ${pid}) switched its bus mastering off`;
}

function tryLock(journal: Journal): Disposable | null {
  try {
    return journal.lock();
  } catch (error) {
    if (error instanceof StateLocked) return null;
    throw error;
  }
}
