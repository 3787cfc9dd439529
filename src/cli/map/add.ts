import { resolve } from 'node:path';
import { usageError } from '../../errors';
import type { VerbSpec } from '../program/command';
import type { Context } from '../program/context';
import { readInput } from '../program/input';
import { argument } from '../program/options';
import { expectKeptMapsFile, readKeptMaps, writeKeptMaps } from '../registers/kept-maps';

export const command: VerbSpec = {
  description: 'keep a map, which names the registers of all devices of a kind',
  arguments: [
    argument('<kind>', 'VENDOR:DEVICE, or what the device tree has as compatible'),
    argument('<file>', 'FILE[#PERIPHERAL][@REGION[+OFFSET]]'),
  ],
  examples: ['map add 1234:11e8 edu.json', 'map add udrv,timer edu.json@map0'],
  run: add,
};

function add(context: Context, typed: string, given: string): undefined {
  const kind = parseKind(typed);
  const { parseMapReference, parseRegisterMap, findPeripheral } =
    require('../../regmap') as typeof import('../../regmap');
  const { LARGEST_FILE } = require('../../regmap/limits') as typeof import('../../regmap/limits');
  const { file, peripheral } = parseMapReference(given);
  // Before it is kept: a map that cannot be read would fail each command.
  const map = parseRegisterMap(readInput(file, LARGEST_FILE, context.options.timeout), file);
  if (peripheral !== null) findPeripheral(map, file, peripheral);
  const path = expectKeptMapsFile(context.env);
  const reference = `${resolve(file)}${given.slice(file.length)}`;
  if (context.options.dryRun) context.printSteps([`keep ${reference} for ${kind} in ${path}`]);
  else writeKeptMaps(path, readKeptMaps(path).set(kind, reference));
}

/** Checks a kind of device. @returns ids in lower case, as sysfs has them @throws usage */
export function parseKind(text: string): string {
  if (/^[0-9a-f]{4}:[0-9a-f]{4}$/i.test(text)) return text.toLowerCase();
  // A `compatible`: a vendor, a comma and a model, or an old one without the vendor.
  if (/^[\w#,.+-]{1,128}$/.test(text)) return text;
  throw usageError(
    text,
    'is no kind of device',
    'write VENDOR:DEVICE in hex, 1234:11e8, or a compatible: xlnx,axi-dma-1.00.a',
  );
}
