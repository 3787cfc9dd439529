/** The files of `targets`: each is built, and guided, by itself. */
export const GROUPS = [
  'kernel',
  'machine',
  'maps',
  'names',
  'pci',
  'remote',
  'session',
  'simulation',
  'udev',
  'usb',
] as const;
