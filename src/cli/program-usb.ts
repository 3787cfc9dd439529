import type { Command } from 'commander';
import type { ActionOf } from './program-options';

/** `udrv usb`: USB devices, through usbfs. */
export function addUsbCommands(program: Command, action: ActionOf): void {
  const usb = program.command('usb').description('USB devices, through usbfs');
  usb
    .command('list')
    .description('the USB devices')
    .argument('[selector...]', 'only these devices')
    .action(action(() => (require('./commands/list') as typeof import('./commands/list')).listUsb));
  usb
    .command('show')
    .description('the descriptors of one USB device, decoded, from sysfs alone')
    .argument('<device>')
    .option('--raw', 'the bytes of the descriptors, as hex')
    .action(action(() => (require('./commands/usb-show') as typeof import('./commands/usb-show')).showUsb));
}
