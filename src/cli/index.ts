import type { CommandIndex } from './program/command';

/**
 * The first words of a command line: common commands, each in its file, those that choose the framework by the device in
 * `any`, and the frameworks, each in its folder.
 */
export const commands: CommandIndex = {
  list: () => require('./list'),
  show: () => require('./show'),
  read: () => require('./any/read'),
  write: () => require('./any/write'),
  dump: () => require('./any/dump'),
  regs: () => require('./any/regs'),
  watch: () => require('./any/watch'),
  config: () => require('./any/config'),
  info: () => require('./any/info'),
  groups: () => require('./any/groups'),
  irq: () => require('./any/irq'),
  'watch-irq': () => require('./any/watch-irq'),
  bench: () => require('./any/bench'),
  reset: () => require('./any/reset'),
  doctor: () => require('./doctor'),
  snapshot: () => require('./snapshot'),
  report: () => require('./report'),
  monitor: () => require('./monitor'),
  top: () => require('./top'),
  uio: () => require('./uio'),
  vfio: () => require('./vfio'),
  usb: () => require('./usb'),
  pci: () => require('./pci'),
  do: () => require('./do'),
  shell: () => require('./shell'),
  run: () => require('./run'),
  diff: () => require('./diff'),
  describe: () => require('./describe'),
  map: () => require('./map'),
  bind: () => require('./bind'),
  unbind: () => require('./unbind'),
  restore: () => require('./restore'),
  udev: () => require('./udev'),
  completion: () => require('./completion'),
  man: () => require('./man'),
};
