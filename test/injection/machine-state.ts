import { AttributeReader } from '../../src/sys/readers/attributes';
import type { SysTree } from '../../src/sys/sys';
import { parseUsbInterface } from '../../src/usb/inspect/address';

const [BUS_MASTER, INTERRUPT_DISABLE] = [0x4, 0x400];

/** The settings of a machine that commands change and give back, by name: drivers, overrides, configurations, rules. */
export type Settings = ReadonlyMap<string, string>;

/** Reads all settings, behind the back of the command under test. */
export function settingsOf(sys: SysTree): Settings {
  const reader = new AttributeReader(sys);
  const settings = new Map<string, string>();
  const put = (name: string, value: unknown) => settings.set(name, String(value));
  for (const bus of ['pci', 'platform'])
    for (const name of reader.names(`/sys/bus/${bus}/devices`)) {
      const dir = `/sys/bus/${bus}/devices/${name}`;
      put(`${name} driver`, reader.linkName(`${dir}/driver`));
      put(`${name} override`, reader.text(`${dir}/driver_override`));
      const config = reader.bytes(`${dir}/config`);
      if (config !== null && config.length >= 6) {
        put(`${name} bus mastering`, (config.readUInt16LE(4) & BUS_MASTER) !== 0);
        put(`${name} Interrupt Disable`, (config.readUInt16LE(4) & INTERRUPT_DISABLE) !== 0);
      }
      put(`${name} virtual functions`, reader.text(`${dir}/sriov_numvfs`));
      put(`${name} autoprobe`, reader.text(`${dir}/sriov_drivers_autoprobe`));
    }
  for (const name of reader.names('/sys/bus/usb/devices')) {
    const dir = `/sys/bus/usb/devices/${name}`;
    if (parseUsbInterface(name) === null) put(`${name} configuration`, reader.text(`${dir}/bConfigurationValue`));
    else {
      put(`${name} driver`, reader.linkName(`${dir}/driver`));
      put(`${name} setting`, reader.text(`${dir}/bAlternateSetting`));
    }
  }
  for (const name of reader.names('/etc/udev/rules.d')) put(`rule ${name}`, 'there');
  return settings;
}

/** Returns the settings that differ, each as a line. */
export function differences(before: Settings, after: Settings): string[] {
  const names = new Set([...before.keys(), ...after.keys()]);
  return (
    [...names]
      .filter((name) => before.get(name) !== after.get(name))
      // The kernel sets it where an interrupt is pending.
      .filter((name) => !(name.endsWith('Interrupt Disable') && after.get(name) === 'true'))
      .map((name) => `${name}: ${before.get(name)} -> ${after.get(name)}`)
  );
}
