import { Exit, type SysError, UdrvError } from '../errors';
import { AttributeReader } from '../sys/readers/attributes';
import { findHolders } from '../sys/readers/holders';
import { type KernelMessage, readKernelLog } from '../sys/readers/kmsg';
import type { Sys } from '../sys/sys';
import { shellWord } from '../text/shell';
import { isVfioDriver } from '../vfio/inspect/drivers';
import { BRIDGE_CLASS, groupNode, IommuGroups } from '../vfio/inspect/iommu-group';
import { whyNoGroup } from '../vfio/inspect/missing-group';
import { devicePath } from './bus';
import { needsGroup } from './driver';
import { permissionError } from './errors';
import type { BindStep } from './plan';
import { platformRefusal } from './platform';

/**
 * Finds out why a step failed, as far as sysfs tells. The kernel answers a refused probe with whatever errno the driver
 * gave, and older kernels with success.
 *
 * @param failure undefined where the write succeeded and nothing came of it
 */
export function bindError(sys: Sys, step: BindStep, failure: SysError | undefined): UdrvError {
  const { address, driver } = step;
  if (failure?.code === 'EACCES' || failure?.code === 'EPERM') return permissionError(address, failure);
  if (sys.access(devicePath(sys, address)) === null)
    return new UdrvError('the device went away', { ...common(address, failure), code: 'ENODEV', exit: Exit.gone });
  if (step.taken && failure === undefined)
    return new UdrvError('no loaded driver takes the device', {
      ...common(address, failure),
      exit: Exit.failed,
      hint: `load what there is for it: sudo modprobe -a $(cat ${shellWord(devicePath(sys, address, 'modalias'))}); or leave it without: udrv unbind ${shellWord(address)}`,
    });
  if (driver === undefined || driver === null) {
    const what =
      driver === null ? 'the driver did not release the device' : `${step.path} did not accept ${step.value.trim()}`;
    return new UdrvError(what, { ...common(address, failure), exit: Exit.failed, hint: logHint(address) });
  }
  const reason = reasonOf(sys, address, driver, failure);
  return new UdrvError(`${driver} did not take the device${reason.because}`, {
    ...common(address, failure),
    exit: reason.exit,
    hint: reason.hint,
  });
}

interface Reason {
  because: string;
  exit: 1 | 5 | 9;
  hint: string;
}

function reasonOf(sys: Sys, address: string, driver: string, failure: SysError | undefined): Reason {
  const reader = new AttributeReader(sys);
  const dir = devicePath(sys, address);
  if (isVfioDriver(driver) && BRIDGE_CLASS.test(reader.hex(`${dir}/class`, 6) ?? ''))
    return { because: ': it is a bridge', exit: Exit.unsupported, hint: logHint(address) };
  const group = reader.number(`${dir}/iommu_group`) ?? Number(reader.linkName(`${dir}/iommu_group`) ?? Number.NaN);
  if (failure?.code === 'EBUSY' && Number.isInteger(group)) {
    const { noiommu } = new IommuGroups(sys).get(group);
    const [holder] = findHolders(sys, [groupNode(group, noiommu)]).holders;
    if (holder !== undefined)
      return {
        because: `: its IOMMU group ${group} is in use by ${holder.command} (pid ${holder.pid})`,
        exit: Exit.busy,
        hint: `end that process first: kill ${holder.pid}`,
      };
  }
  if (needsGroup(driver) && Number.isNaN(group)) {
    const { message, hint } = whyNoGroup(sys);
    return { because: `: it belongs to no IOMMU group: ${message}`, exit: Exit.unsupported, hint };
  }
  if (failure?.code === 'EBUSY')
    return { because: ': another driver or process has it or its memory', exit: Exit.busy, hint: logHint(address) };
  const message = loggedReason(sys, address, driver);
  const refusal = platformRefusal(sys, address, driver, message);
  if (refusal !== null) {
    const { because, isFinal, hint } = refusal;
    return { because: `: ${because}`, exit: isFinal ? Exit.unsupported : Exit.failed, hint };
  }
  // device_driver_attach(): the probe was put off, for a supplier that has no driver yet.
  if (failure?.code === 'EAGAIN')
    return {
      because: ': it needs another device, which has no driver yet',
      exit: Exit.failed,
      hint: 'the kernel names it: sudo cat /sys/kernel/debug/devices_deferred',
    };
  return { because: message === null ? '' : `: ${message}`, exit: Exit.failed, hint: logHint(address) };
}

/** Returns the driver's last message about the device in the moment that has passed since; null without one. */
function loggedReason(sys: Sys, address: string, driver: string): string | null {
  // Close to the log's clock: neither counts the time that the machine slept.
  const now = Number(process.hrtime.bigint() / 1000n);
  const prefix = `${driver} ${address}: `;
  const isRecent = ({ time }: KernelMessage) => Math.abs(now - time) < MOMENT_US;
  const recent = readKernelLog(sys).filter((message) => message.text.startsWith(prefix) && isRecent(message));
  // The driver core adds the errno that there is already (really_probe() in drivers/base/dd.c).
  const own = recent.findLast(({ text }) => !text.startsWith(`${prefix}probe with driver `));
  return (own ?? recent.at(-1))?.text.slice(prefix.length) ?? null;
}

const MOMENT_US = 5_000_000;

const logHint = (address: string) => `the kernel's log may say why: sudo dmesg | grep ${shellWord(address)}`;

function common(address: string, failure: SysError | undefined) {
  return { code: failure?.code ?? 'ENODRIVER', device: address };
}
