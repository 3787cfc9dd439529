import { findUses } from '../../bind/in-use/uses';
import { Exit, UdrvError, usageError } from '../../errors';
import type { UsbDeviceInfo } from '../../model/device';
import { parseDuration, parseSize, parseWord } from '../../model/notation';
import { hex } from '../../text/hex';
import { interfaceOfRequest, UsbDevice } from '../../usb/device/device';
import { findEndpoint } from '../../usb/device/endpoints';
import { endpointName, interfaceName } from '../../usb/inspect/address';
import { transferError } from '../../usb/transfer/failure';
import type { TransferResult } from '../../usb/transfer/status';
import { type Data, dataOf } from '../files';
import { DONE, type StepResult } from '../result';
import type { Scope } from '../scope';
import type { SessionState } from '../state';
import type { Words } from '../words';
import { bufferArea } from './buffers';
import { USUAL_WAIT_MS, type Verb } from './verb';

/** The most bytes of a transfer in a session: they are in memory. */
const MAX_LENGTH = 16 * 1024 * 1024;

/** The place of a transfer's data: a length for what arrives, bytes for what is sent, or a buffer for both. */
interface Payload {
  length: number;
  /** Returns the bytes to send. */
  source(state: SessionState, signal: AbortSignal | undefined): Data;
  /** Takes what arrived; false where the result is to have it. */
  take(state: SessionState, bytes: Buffer): boolean;
}

function payload(text: string, direction: 'in' | 'out', scope: Scope, limit = MAX_LENGTH): Payload {
  if (scope.buffers.has(text.split(':', 1)[0] ?? '')) {
    const area = bufferArea(text, scope);
    const { region, offset, length } = area;
    if (length > limit) throw usageError(text, `has ${hex(length)} bytes: ${hex(limit)} at most`);
    const bytes = (state: SessionState) => state.buffer(region).bytes.subarray(offset, offset + length);
    return {
      length,
      source: bytes,
      take(state, arrived) {
        arrived.copy(bytes(state));
        return true;
      },
    };
  }
  if (direction === 'in') {
    const length = parseSize(text, 'a length');
    if (length > limit) throw usageError(text, `is too much: ${limit} bytes at most`);
    return { length, source: () => Buffer.alloc(0), take: () => false };
  }
  const data = dataOf(text, limit);
  return {
    length: data.length,
    source: ({ timeoutMs }, signal) => data.read({ timeoutMs, signal }),
    take: () => false,
  };
}

function usbOf(scope: Scope): UsbDeviceInfo {
  if (scope.info.framework !== 'usb') throw new TypeError('no USB device');
  return scope.info;
}

function deviceOf({ device }: SessionState): UsbDevice {
  if (!(device instanceof UsbDevice)) throw new TypeError('no USB device');
  return device;
}

function takeByte(words: Words, what: string, most = 0xff): number {
  const text = words.next(what);
  const value = parseWord(text, what);
  if (value > most) throw usageError(text, `is not ${what}: at most ${hex(most)}`);
  return Number(value);
}

/** Finishes a transfer: an error, or the result with what arrived. */
function finished(
  state: SessionState,
  data: Payload,
  direction: 'in' | 'out',
  result: TransferResult & { data?: Buffer },
  { subject, timeoutMs, stall }: { subject: string; timeoutMs: number; stall: string },
): StepResult {
  const device = state.address;
  const arrived = result.data ?? Buffer.alloc(0);
  const isTaken = direction === 'in' && data.take(state, arrived);
  const error = transferError(result, { subject, device, timeoutMs, hints: { stall } });
  if (error !== null) throw error;
  return { kind: 'transfer', direction, result, bytes: direction === 'in' && !isTaken ? arrived : null };
}

/** The time that a device has for any request: USB 2.0, 9.2.6.1. */
const CONTROL_WAIT_MS = 5000;

export const ctrl: Verb = {
  usage: 'ctrl bmRequestType bRequest wValue wIndex [LENGTH|HEX|@FILE|BUF]',
  summary: 'one control request: a length for IN (0x80), data for OUT',
  takes: ['other'],
  for: ['usb'],
  prepare(words, scope) {
    const setup = {
      bmRequestType: takeByte(words, 'bmRequestType'),
      bRequest: takeByte(words, 'bRequest'),
      wValue: takeByte(words, 'wValue', 0xffff),
      wIndex: takeByte(words, 'wIndex', 0xffff),
    };
    const direction = setup.bmRequestType & 0x80 ? 'in' : 'out';
    const text = words.optional();
    words.end();
    const none: Payload = { length: 0, source: () => Buffer.alloc(0), take: () => false };
    const data = text === undefined || text === '0' ? none : payload(text, direction, scope, 0xffff);
    const intf = interfaceOfRequest(usbOf(scope), setup);
    if (intf !== null) expectInterface(usbOf(scope), intf);
    return async (state, { signal }) => {
      const device = deviceOf(state);
      const timeoutMs = state.timeoutMs ?? CONTROL_WAIT_MS;
      const wait = { timeoutMs, signal };
      const bytes = direction === 'in' ? null : await data.source(state, signal);
      if (direction === 'out' && bytes === null) return DONE;
      const result =
        bytes === null ? await device.controlIn(setup, data.length, wait) : await device.controlOut(setup, bytes, wait);
      const subject = `${state.address} control`;
      const stall = 'the device does not know this request, or not these values';
      return finished(state, data, direction, result, { subject, timeoutMs, stall });
    };
  },
};

/** Makes the verb of a transfer of a bulk or interrupt endpoint. */
function transfer(type: 'bulk' | 'interrupt', verb: string): Verb {
  return {
    usage: `${verb} EP LENGTH|HEX|@FILE|BUF[:RANGE] [TIME]`,
    summary: `one ${type} transfer: a length or a buffer for IN (0x81), data or a buffer for OUT (0x01)`,
    takes: ['endpoint', 'value', 'other'],
    for: ['usb'],
    prepare(words, scope) {
      const text = words.next('endpoint');
      const address = Number(parseWord(text, 'an endpoint address'));
      if (address > 0xff || (address & 0x70) !== 0 || (address & 0xf) === 0)
        throw usageError(text, 'is not an endpoint address', 'write 0x81 (IN) or 0x01 (OUT)');
      const direction = address & 0x80 ? 'in' : 'out';
      findEndpoint(usbOf(scope), address, { direction, types: [type] });
      const data = payload(words.next(direction === 'in' ? 'length' : 'data'), direction, scope);
      const time = words.optional();
      words.end();
      const own = time === undefined ? undefined : parseDuration(time);
      return async (state, { signal }) => {
        const device = deviceOf(state);
        const timeoutMs = own ?? state.timeoutMs ?? USUAL_WAIT_MS;
        const wait = { timeoutMs, signal };
        const bytes = direction === 'in' ? null : await data.source(state, signal);
        if (direction === 'out' && bytes === null) return DONE;
        const result =
          bytes === null ? await device.read(address, data.length, wait) : await device.write(address, [bytes], wait);
        const name = endpointName(address);
        const stall = `the endpoint stays halted until: udrv usb clear-halt ${state.address} ${name}`;
        return finished(state, data, direction, result, { subject: `${state.address} ${name}`, timeoutMs, stall });
      };
    },
  };
}

export const bulk = transfer('bulk', 'bulk');
export const int = transfer('interrupt', 'int');

export const claim: Verb = {
  usage: 'claim INTERFACE [--detach] [--force]',
  summary: 'claims an interface, with --detach also from its kernel driver, which gets it back at the end',
  takes: ['interface', 'other'],
  for: ['usb'],
  prepare(words, scope) {
    const detach = words.flag('--detach');
    const force = words.flag('--force');
    const intf = takeByte(words, 'an interface');
    words.end();
    expectInterface(usbOf(scope), intf);
    return (state) => {
      if (detach && !force) mustBeIdle(state, intf);
      deviceOf(state).claim(intf, { detach });
      return DONE;
    };
  },
};

export const alt: Verb = {
  usage: 'alt INTERFACE SETTING',
  summary: 'selects an alternate setting; the kernel goes back to 0 at the end',
  takes: ['interface', 'other'],
  for: ['usb'],
  prepare(words, scope) {
    const intf = takeByte(words, 'an interface');
    const setting = takeByte(words, 'an alternate setting');
    words.end();
    const info = usbOf(scope);
    const settings = expectInterface(info, intf);
    if (!settings.includes(setting))
      throw new UdrvError(`has no alternate setting ${setting}`, {
        code: 'ENOENT',
        exit: Exit.notFound,
        subject: interfaceName(info, intf),
        hint: `it has ${settings.join(', ')}`,
        device: info.address,
      });
    scope.select(intf, setting);
    return (state) => {
      deviceOf(state).claim(intf, { alt: setting });
      return DONE;
    };
  },
};

/** @returns the alternate settings of the interface @throws exit 3 where there is no such interface */
function expectInterface({ address, usb }: UsbDeviceInfo, intf: number): number[] {
  const settings = usb.interfaces.filter(({ number }) => number === intf).map((one) => one.alt);
  if (settings.length > 0) return settings;
  const numbers = [...new Set(usb.interfaces.map(({ number }) => number))];
  throw new UdrvError(`has no interface ${intf} now`, {
    code: 'ENOENT',
    exit: Exit.notFound,
    hint: numbers.length > 0 ? `it has ${numbers.join(', ')}` : 'the device is not configured',
    device: address,
  });
}

/** Refuses to take an interface from a driver that is at work for somebody. @throws exit 5 */
function mustBeIdle({ sys, device }: SessionState, intf: number): void {
  const name = device instanceof UsbDevice ? interfaceName(device.info, intf) : '';
  const [use] = findUses(sys, [name]).uses;
  if (use === undefined) return;
  throw new UdrvError(`${use.what}, and would lose its device`, {
    code: 'EBUSY',
    exit: Exit.busy,
    subject: name,
    hint: use.hint === undefined ? '--force does it all the same' : `${use.hint}; --force does it all the same`,
    device: device.info.address,
  });
}
