import { attempt } from '../../sys/attempt';
import type { AttributeReader } from '../../sys/readers/attributes';

/** A device below a function that a driver made: `nvme0n1`, `eth0`, `uio0`. */
export interface ClassDevice {
  /** `block`, `net`, `uio`; `usb` for the devices behind a controller. */
  kind: string;
  name: string;
  dir: string;
  /** Below /dev; null without one. */
  node: string | null;
}

/** Returns all devices that have a class, and USB devices, by the components of their path. @param kinds only these classes */
export function classDevices(
  reader: AttributeReader,
  kinds?: readonly string[],
): { path: string[]; device: ClassDevice }[] {
  const directories = (kinds ?? reader.names('/sys/class')).map((kind) => ({ kind, dir: `/sys/class/${kind}` }));
  if (kinds === undefined) directories.push({ kind: 'usb', dir: '/sys/bus/usb/devices' });
  return directories.flatMap(({ kind, dir }) =>
    reader.names(dir).flatMap((name) => {
      const target = attempt(() => reader.sys.readLink(`${dir}/${name}`), null);
      return target === null ? [] : [{ path: target.split('/'), device: classDevice(reader, kind, `${dir}/${name}`) }];
    }),
  );
}

function classDevice(reader: AttributeReader, kind: string, dir: string): ClassDevice {
  const name = dir.slice(dir.lastIndexOf('/') + 1);
  // Read when it is wanted: there are a thousand devices, and a handful is asked about.
  return {
    kind,
    name,
    dir,
    get node() {
      const node = /^DEVNAME=(.+)$/m.exec(reader.text(`${dir}/uevent`) ?? '')?.[1];
      return node === undefined ? null : `/dev/${node}`;
    },
  };
}

/**
 * With native multipath the disk of an NVMe controller is not below it but below its subsystem, a virtual device
 * (drivers/nvme/host/multipath.c).
 */
export function multipathDisks(reader: AttributeReader, devices: readonly ClassDevice[]): ClassDevice[] {
  const controllers = new Set(devices.filter(({ kind }) => kind === 'nvme').map(({ name }) => name));
  if (controllers.size === 0) return [];
  const subsystems = reader.names('/sys/class/nvme-subsystem').map((name) => `/sys/class/nvme-subsystem/${name}`);
  return subsystems.flatMap((subsystem) => {
    const names = reader.names(subsystem);
    if (!names.some((name) => controllers.has(name))) return [];
    const disks = names.filter((name) => /^nvme\d+n\d+$/.test(name));
    return disks.flatMap((disk) =>
      [disk, ...reader.names(`${subsystem}/${disk}`).filter((name) => name.startsWith(`${disk}p`))].map((name) =>
        classDevice(reader, 'block', `/sys/class/block/${name}`),
      ),
    );
  });
}
