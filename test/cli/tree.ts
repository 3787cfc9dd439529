import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/** A file's content, a symbolic link, a pipe with a name, or an empty directory. */
export type Entry = string | Buffer | { link: string | Buffer } | 'a FIFO' | 'a directory';

/** A directory for the tests of one file, removed after them. */
export function scratch(): string {
  const directory = mkdtempSync(join(tmpdir(), 'udrv-cli-'));
  afterAll(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** Makes files below a directory, which is made too. @returns the directory */
export function plant(root: string, entries: Record<string, Entry>): string {
  mkdirSync(root, { recursive: true });
  for (const [path, entry] of Object.entries(entries)) {
    const file = join(root, path);
    mkdirSync(dirname(file), { recursive: true });
    if (entry === 'a FIFO') spawnSync('mkfifo', [file]);
    else if (entry === 'a directory') mkdirSync(file);
    else if (typeof entry === 'object' && 'link' in entry) symlinkSync(entry.link, file);
    else writeFileSync(file, entry);
  }
  return root;
}

/** A USB device in a copied tree, at port 1-2 unless told otherwise. */
export function usbDevice(attributes: Record<string, string | Buffer> = {}, address = '1-2'): Record<string, Entry> {
  const facts = {
    idVendor: '1234\n',
    idProduct: '5678\n',
    busnum: '1\n',
    devnum: '2\n',
    speed: '480\n',
    version: ' 2.00\n',
    bDeviceClass: 'ff\n',
    bConfigurationValue: '\n',
    ...attributes,
  };
  return Object.fromEntries(
    Object.entries(facts).map(([name, value]) => [`sys/bus/usb/devices/${address}/${name}`, value]),
  );
}
