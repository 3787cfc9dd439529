import type { Command } from 'commander';
import { parseBusDevice, parseUsbIds } from './parse';
import type { ActionOf } from './program-options';
import { addManagementCommands, addTransferCommands } from './program-usb-transfers';

/** `udrv usb`: USB devices, through usbfs. */
export function addUsbCommands(usb: Command, action: ActionOf): void {
  usb
    .command('list')
    .description('the USB devices')
    .argument('[selector...]', 'only these devices')
    .option('-t, --tree', 'hubs, ports and interfaces as a tree')
    .option(
      '-d, --id <vid:pid>',
      'only devices of this vendor and product, in hex; either may be left out',
      parseUsbIds,
    )
    .option(
      '-s, --device <bus:dev>',
      'only this bus and device number; 2 or :2 on any bus, 1: the whole bus',
      parseBusDevice,
    )
    .action(action(() => (require('./commands/usb-list') as typeof import('./commands/usb-list')).listUsb));
  usb
    .command('show')
    .description('the descriptors of one USB device, decoded, from sysfs alone')
    .argument('<device>')
    .option('--raw', 'the bytes of the descriptors, as hex')
    .option(
      '--open',
      'open the device and ask it for what sysfs has not: strings, ports of a hub, Microsoft OS, WebUSB',
    )
    .action(action(() => (require('./commands/usb-show') as typeof import('./commands/usb-show')).showUsb));
  addTransferCommands(usb, action);
  addManagementCommands(usb, action);
}
