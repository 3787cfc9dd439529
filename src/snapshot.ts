import { listDevices } from './inventory';
import type { Device } from './model/device';
import { NameDatabase } from './names/database';
import { recording } from './sys/record';
import type { Sys } from './sys/sys';

/**
 * Records a machine as a manifest: all that listing it reads, PCI functions of the kernel's drivers included, and of
 * the name databases the lines of its devices. Replayed, it gives the same answers.
 */
export function recordMachine(sys: Sys): string {
  const recorder = recording(sys);
  const names = new NameDatabase(recorder.sys);
  const devices = [...listDevices(recorder.sys, names), ...listDevices(recorder.sys, names, { type: 'pci' })];
  recorder.add(
    '/usr/share/hwdata/pci.ids',
    Buffer.from(names.excerpt('pci', devices.filter((d) => d.framework !== 'usb').flatMap(ids))),
  );
  recorder.add(
    '/usr/share/hwdata/usb.ids',
    Buffer.from(names.excerpt('usb', devices.filter((d) => d.framework === 'usb').flatMap(ids))),
  );
  return recorder.manifest();
}

function ids({ vendorId, deviceId }: Device): { vendor: string; device: string }[] {
  return vendorId === null || deviceId === null ? [] : [{ vendor: vendorId, device: deviceId }];
}
