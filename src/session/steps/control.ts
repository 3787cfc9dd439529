import { Exit, UdrvError, usageError } from '../../errors';
import { parseDuration } from '../../model/notation';
import { pause } from '../../sys/wait';
import { UioDevice } from '../../uio/device';
import { VfioDevice } from '../../vfio/device/device';
import { DONE } from '../result';
import { ALL, type Verb } from './verb';

export const master: Verb = {
  usage: 'master on|off',
  summary: 'lets the device begin transfers of its own (DMA, MSI), or not',
  takes: ['switch'],
  for: ['vfio'],
  prepare(words) {
    const state = words.next('on or off');
    words.end();
    if (state !== 'on' && state !== 'off') throw usageError(state, 'is neither on nor off', `usage: ${words.usage}`);
    return (session) => {
      session.setMaster(state === 'on');
      return DONE;
    };
  },
};

export const reset: Verb = {
  usage: 'reset',
  summary: 'resets the device',
  takes: [],
  for: ['vfio', 'usb'],
  prepare(words) {
    words.end();
    return ({ device }) => {
      if (!(device instanceof UioDevice)) device.reset();
      return DONE;
    };
  },
};

export const faults: Verb = {
  usage: 'faults',
  summary: 'the DMA of the device that the IOMMU has stopped in this session',
  takes: [],
  for: ['vfio'],
  prepare(words, scope) {
    words.end();
    return (state) => {
      state.newFaults();
      if (state.device instanceof VfioDevice && state.device.faults() === null)
        throw new UdrvError('the kernel log, which has the faults, cannot be read', {
          code: 'EACCES',
          exit: Exit.permission,
          hint: 'run as root',
          device: scope.address,
        });
      return { kind: 'faults', faults: [...state.faults] };
    };
  },
};

export const sleep: Verb = {
  usage: 'sleep TIME',
  summary: 'waits',
  takes: ['other'],
  for: ALL,
  prepare(words) {
    const time = parseDuration(words.next('time'));
    words.end();
    return async (_, { signal }) => {
      await pause(time, signal);
      return DONE;
    };
  },
};
