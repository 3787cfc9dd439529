import { shellWord } from '../../text/shell';
import { driverlessForUio, PLATFORM_DEVICES } from '../../uio/platform';
import { bootWith, type Check, command, type Finding, type PlatformDevice } from '../check';
import { type Evidence, parameterPath } from '../evidence';
import { kernelHasModule } from '../kernel-module';
import { USE_IDS, usesOf } from '../uses';

const DRIVERS = '/sys/bus/platform/drivers';
const DRIVER = 'uio_pdrv_genirq';
const GENERIC = 'generic-uio';

/** Nodes of a device tree that are meant for UIO and have no driver. */
export const platformNode: Check = {
  ids: [...USE_IDS, 'of-id-missing', 'pdrv-not-loaded', 'pdrv-missing', 'platform-driver-bound', 'platform-no-driver'],
  about: 'device tree',
  *run({ tree, device }) {
    const meant = driverlessForUio(tree.sys);
    if (device === null) {
      if (meant.length > 0) yield unbound(tree, meant, true);
      return;
    }
    if (device.framework !== 'platform') return;
    const driver = tree.linked(`${PLATFORM_DEVICES}/${device.address}/driver`);
    if (driver === null) yield unbound(tree, [device.address], meant.includes(device.address));
    else if (driver !== DRIVER) yield* bound(tree, device, driver);
  },
};

function unbound(tree: Evidence, devices: readonly string[], isGeneric: boolean): Finding {
  const [first = ''] = devices;
  const common = {
    severity: 'blocks' as const,
    prevents: 'UIO: there is no node to open',
    proof: `udrv list --type uio`,
  };
  const seen = devices.map((name) => ({ path: `${PLATFORM_DEVICES}/${name}/driver`, value: 'not there' }));
  const names = devices.join(', ');
  const isLoaded = tree.has(DRIVERS, DRIVER);
  if (!isLoaded && kernelHasModule(tree, DRIVER) === false)
    return {
      ...common,
      id: 'pdrv-missing',
      seen: [...seen, { path: `${DRIVERS}/${DRIVER}`, value: 'not there' }],
      means: `No driver has ${names}, and this kernel has no ${DRIVER}: it was built without CONFIG_UIO_PDRV_GENIRQ, as Debian's are.`,
      mend: [],
    };
  const bind = `udrv bind ${devices.map(shellWord).join(' ')} ${DRIVER}`;
  if (!isLoaded)
    return {
      ...common,
      id: 'pdrv-not-loaded',
      seen: [...seen, { path: `${DRIVERS}/${DRIVER}`, value: 'not there' }],
      means: `No driver has ${names}: the module ${DRIVER} is not loaded.`,
      mend: isGeneric
        ? [command(`sudo modprobe ${DRIVER} of_id=${GENERIC}`), bootWith(`${DRIVER}.of_id=${GENERIC}`)]
        : [command(`sudo modprobe ${DRIVER} && ${bind}`)],
    };
  if (!isGeneric)
    return {
      ...common,
      id: 'platform-no-driver',
      seen,
      means: `No driver has ${first}.`,
      mend: [command(bind)],
    };
  const path = parameterPath(DRIVER, 'of_id');
  return {
    ...common,
    id: 'of-id-missing',
    seen: [...seen, { path, value: tree.text(path) ?? 'not set' }],
    means: `No driver has ${names}: ${DRIVER} takes nodes that are compatible with ${GENERIC} only where its parameter of_id says so.`,
    mend: [command(bind), bootWith(`${DRIVER}.of_id=${GENERIC}`)],
  };
}

function* bound(tree: Evidence, { address }: PlatformDevice, driver: string): Generator<Finding> {
  const { findings, isVital } = usesOf(tree, address);
  yield* findings;
  yield {
    id: 'platform-driver-bound',
    severity: 'blocks',
    seen: [{ path: `${PLATFORM_DEVICES}/${address}/driver`, value: driver }],
    means: `The kernel's driver ${driver} has the device.`,
    prevents: 'UIO: there is no node to open',
    mend: isVital ? [] : [command(`udrv bind ${shellWord(address)} ${DRIVER}`)],
    proof: 'udrv list --type uio',
  };
}
