import { buf, fill, free, hexdump, load, map, save, unmap } from './buffers';
import { expect, poll } from './conditions';
import { faults, master, reset, sleep } from './control';
import { irq, wait } from './interrupts';
import { dump, read, regs, write } from './registers';
import { alt, bulk, claim, ctrl, int } from './usb';
import type { Verb } from './verb';

/** The verbs of a session, in the order of its help. */
export const VERBS: Readonly<Record<string, Verb>> = {
  read,
  write,
  dump,
  regs,
  expect,
  poll,
  irq,
  wait,
  buf,
  fill,
  load,
  save,
  hexdump,
  map,
  unmap,
  free,
  master,
  faults,
  claim,
  alt,
  ctrl,
  bulk,
  int,
  reset,
  sleep,
};
