import type { RegionSource } from '../../model/action';
import type { Region } from '../../model/device';
import { OpenUio } from '../../uio/device';
import type { Context } from '../context';
import { findOf } from './show';

/** A device with registers, whatever its framework: known, and not opened yet, so that a wrong request touches nothing. */
export interface Target {
  address: string;
  regions: readonly Region[];
  open(options: { write: boolean }): RegionSource & Disposable;
}

export type FindTarget = (context: Context, selector: string) => Target;

export function uioTarget(context: Context, selector: string): Target {
  const device = findOf(context, 'uio', selector);
  return {
    address: device.address,
    regions: device.uio.regions,
    open: (options) => OpenUio.open(context.sys, device, options),
  };
}

export function openUio(context: Context, selector: string): OpenUio {
  return OpenUio.open(context.sys, findOf(context, 'uio', selector), { write: true });
}
