import type { Command } from 'commander';
import type { ActionOf } from './program-options';

/** `udrv usb`: USB devices, through usbfs. */
export function addUsbCommands(usb: Command, action: ActionOf): void {
  usb
    .command('list')
    .description('the USB devices')
    .argument('[selector...]', 'only these devices')
    .action(action(() => (require('./commands/list') as typeof import('./commands/list')).listUsb));
  usb
    .command('show')
    .description('one USB device in depth, from sysfs alone')
    .argument('<device>')
    .action(action(() => (require('./commands/show') as typeof import('./commands/show')).showUsb));
}
