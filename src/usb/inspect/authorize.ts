import { USB_DEVICES } from './inspect';

/** The command that lets the kernel configure a device, or bind an interface. @param name as in sysfs */
export function authorizeCommand(name: string): string {
  return `echo 1 | ${process.geteuid?.() === 0 ? '' : 'sudo '}tee ${USB_DEVICES}/${name}/authorized`;
}
