import { type PreparedFiles, prepareForgetting } from '../../bind/saved/changes';
import { busOption } from '../../bind/saved/errors';
import { listSaved, nameOf, type SavedBinding } from '../../bind/saved/list';
import { Exit, UdrvError } from '../../errors';
import { formatPciAddress, parsePciAddress } from '../../pci/address';
import type { SysTree } from '../../sys/sys';
import { remarkErrors } from '../devices/list';
import type { Context } from '../program/context';
import { visibleRow } from '../tables/facts';
import { table } from '../tables/table';
import { addressesOf, fileCommands, writeFiles } from './change';

/** Prints the bindings that are made at each boot, whoever saved them. */
export function printSaved(context: Context): undefined {
  const { saved, errors } = listSaved(context.sys);
  const { style, width } = context;
  if (context.options.json) context.printJson({ schema: 'udrv.saved/1', saved });
  else if (saved.length === 0) context.note('no binding is saved');
  else context.page(table(saved.map(rowOf), { style, width }));
  remarkErrors(context, errors);
}

function rowOf(binding: SavedBinding) {
  const { bus, driver, writer, path } = binding;
  const name = bus === 'pci' ? nameOf(binding) : `${bus} ${nameOf(binding)}`;
  return visibleRow([{ text: name, meaning: 'heading' }, driver ?? '?', writer, path]);
}

/** The devices of `restore --forget`. */
export interface Forgetting {
  /** The functions that are there, to be given back. */
  addresses: string[];
  files: PreparedFiles;
}

/**
 * Finds what to restore and to forget: a binding is forgotten by its address or its ids too where these name no device
 * any more, or several.
 *
 * @throws UdrvError exit 3 where there is neither a device nor a binding of this name
 */
export function findForgotten(context: Context, selectors: readonly string[]): Forgetting {
  const names = new Set(listSaved(context.sys).saved.map(nameOf));
  const addresses: string[] = [];
  const gone: string[] = [];
  for (const selector of selectors) {
    try {
      addresses.push(...addressesOf(context, [selector]));
    } catch (error) {
      const parsed = parsePciAddress(selector);
      const name = parsed !== null ? formatPciAddress(parsed) : names.has(selector) ? selector : selector.toLowerCase();
      if (!(error instanceof UdrvError) || error.exit !== Exit.notFound || !names.has(name)) throw error;
      gone.push(name);
    }
  }
  return { addresses, files: prepareForgetting(context.sys, [...new Set([...addresses, ...gone])]) };
}

/** Forgets bindings of functions that are not there, so that there is no driver to change. */
export function forgetOnly(context: Context, { changes, notes }: PreparedFiles): undefined {
  if (context.options.dryRun) context.printSteps(fileCommands(changes));
  else {
    writeFiles(context, changes);
    if (context.options.json) context.printJson({ schema: 'udrv.list/1', devices: [] });
  }
  for (const note of notes) context.note(note);
}

/** Returns remarks on functions that get their driver again at the next boot, though they are given back now. */
export function savedNotes(sys: SysTree, addresses: readonly string[]): string[] {
  const { saved } = listSaved(sys);
  return saved
    .filter(({ address }) => address !== null && addresses.includes(address))
    .map((one) => `${one.address}: bound to ${one.driver ?? 'a driver'} at the next boot: ${howToEnd(one)}`);
}

function howToEnd(binding: SavedBinding): string {
  const { writer, address, path } = binding;
  const option = busOption(binding);
  return writer === 'udrv'
    ? `${path}; --forget removes it`
    : `sudo driverctl ${option}unset-override ${address} ends that`;
}
