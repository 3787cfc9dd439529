import { json } from '../../../src/cli/output/escape';
import { compiledHwdb, textHwdb } from '../../../src/names/hwdb';
import { IdsFile } from '../../../src/names/ids-file';
import { idsExcerpt, type NameSource } from '../../../src/names/name-source';
import { hwdbBin } from '../../support/hwdb';
import { expectShown, type Target } from '../target';

const IDS = [
  ['1234', '11e8'],
  ['1af4', '1000'],
  ['0403', '6001'],
] as const;

function look(source: NameSource | null): void {
  if (source === null) return;
  for (const [vendor, device] of IDS) expectShown(json([source.vendor(vendor), source.device(vendor, device)]));
  idsExcerpt(
    source,
    IDS.map(([vendor, device]) => ({ vendor, device })),
  );
}

const compiled: Target = {
  name: 'hwdb-bin',
  seeds: [
    hwdbBin({
      'usb:v1234*': { ID_VENDOR_FROM_DATABASE: 'Technical Corp.' },
      'usb:v1234p11E8*': { ID_AUTOSUSPEND: '1', ID_MODEL_FROM_DATABASE: 'Educational Device' },
      'pci:v00001AF4d00001000*': { ID_MODEL_FROM_DATABASE: 'Virtio network device' },
    }),
  ],
  run(input) {
    look(compiledHwdb(input, 'usb'));
    look(compiledHwdb(input, 'pci'));
  },
};

const text: Target = {
  name: 'hwdb-text',
  seeds: [Buffer.from('# c\n\nusb:v1234*\n ID_VENDOR_FROM_DATABASE=Technical Corp.\n\nusb:v1234p11E8*\n ID_MODEL=x\n')],
  run: (input) => look(textHwdb(input, 'usb')),
};

const ids: Target = {
  name: 'ids-file',
  seeds: [
    Buffer.from(
      '# c\n1234  Technical Corp.\n\t11e8  Educational Device\n\t\t1af4 1100  QEMU\n1af4  Red Hat\n\t1000  net\nC 00  x\n',
    ),
  ],
  run: (input) => look(new IdsFile(input)),
};

export const targets = [compiled, text, ids];
