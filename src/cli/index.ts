import type { CommandIndex } from './program/command';

/** The first words of a command line: common commands, each in its file, and the frameworks, each in its folder. */
export const commands: CommandIndex = {
  list: () => require('./list'),
  show: () => require('./show'),
  snapshot: () => require('./snapshot'),
  monitor: () => require('./monitor'),
  uio: () => require('./uio'),
  vfio: () => require('./vfio'),
  usb: () => require('./usb'),
  do: () => require('./do'),
  shell: () => require('./shell'),
  run: () => require('./run'),
  bind: () => require('./bind'),
  unbind: () => require('./unbind'),
  restore: () => require('./restore'),
  completion: () => require('./completion'),
  man: () => require('./man'),
};
