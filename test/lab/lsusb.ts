/** The output of lsusb, taken apart: every `name value meaning` line, by the descriptor that it stands in. */

export interface LsusbDescriptor {
  /** `DeviceInfo`, `Interface`, `AudioControl Interface`. */
  title: string;
  fields: LsusbField[];
}

export interface LsusbField {
  name: string;
  /** The value as a number, however it is written. */
  value: number;
  /** The text behind the value. */
  means: string;
}

/** `lsusb -v`, by `bus/device`. */
export function parseLsusb(text: string): Map<string, LsusbDescriptor[]> {
  const devices = new Map<string, LsusbDescriptor[]>();
  let current: LsusbDescriptor[] = [];
  for (const line of text.split('\n')) {
    const device = /^Bus (\d+) Device (\d+): ID/.exec(line);
    const title = /^ *(\S.*?) (?:Descriptor|Device Capability|\(for other device speed\)):$/.exec(line)?.[1];
    const field = /^ *((?:b|bm|ba|bcd|w|i|id|t|dw|n|Max)[A-Z]\w*(?:\( *\d+\)|\[ *\d+\])?) +(\S+) ?(.*)$/.exec(line);
    if (device !== null) {
      current = [];
      devices.set(`${Number(device[1])}/${Number(device[2])}`, current);
    } else if (title !== undefined) current.push({ title, fields: [] });
    else if (field !== null) current.at(-1)?.fields.push(fieldOf(field[1] ?? '', field[2] ?? '', field[3] ?? ''));
  }
  return devices;
}

function fieldOf(name: string, text: string, means: string): LsusbField {
  return { name: name.replace(/[([] *(\d+)[)\]]/, '($1)'), value: numberOf(name, text), means: means.trim() };
}

function numberOf(name: string, text: string): number {
  if (text.startsWith('0x')) return Number.parseInt(text, 16);
  const decimal = /^(\d+)\.(\d\d)$/.exec(text);
  // Binary coded: 2.10 is 0x0210.
  if (name.startsWith('bcd') && decimal !== null) return Number.parseInt(`${decimal[1]}${decimal[2]}`, 16);
  return Number.parseFloat(text);
}

/** `lsusb`: a line for each device. */
export function parseLsusbList(text: string): { bus: number; device: number; id: string; name: string }[] {
  return Array.from(
    text.matchAll(/^Bus (\d+) Device (\d+): ID (\S+) ?(.*)$/gm),
    ([, bus, device, id = '', name = '']) => ({
      bus: Number(bus),
      device: Number(device),
      id,
      name: name.trim(),
    }),
  );
}

/** `lsusb -t`: a line for each interface. */
export function parseLsusbTree(text: string): { device: number; interface: number; driver: string; speed: string }[] {
  return Array.from(
    text.matchAll(/Dev (\d+), If (\d+), Class=.*?, Driver=([^,]*), (\S+)$/gm),
    ([, device, number, driver = '', speed = '']) => ({
      device: Number(device),
      interface: Number(number),
      driver: driver.replace(/\/\d+p$/, ''),
      speed,
    }),
  );
}
