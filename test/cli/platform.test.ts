import { join } from 'node:path';
import { plant, scratch } from './tree';
import { cliFails, cliPasses, text, udrv } from './udrv';

// Devices of other buses than PCI, on a copy of an arm64 machine: by whole commands.

const PLATFORM = 'sys/bus/platform';
const DMA = 'sys/devices/platform/ff500000.dma';
const ETH = 'sys/devices/platform/fe200000.ethernet';
const UART = 'sys/devices/platform/fe201000.serial';
const node = (name: string) => ({ link: `../../../firmware/devicetree/base/${name}` });

const tree = plant(join(scratch(), 'arm64'), {
  [`${PLATFORM}/devices/ff500000.dma`]: { link: '../../../devices/platform/ff500000.dma' },
  [`${PLATFORM}/devices/fe200000.ethernet`]: { link: '../../../devices/platform/fe200000.ethernet' },
  [`${PLATFORM}/devices/fe201000.serial`]: { link: '../../../devices/platform/fe201000.serial' },
  [`${PLATFORM}/drivers/dw-dma/bind`]: '',
  [`${PLATFORM}/drivers/dw-dma/unbind`]: '',
  [`${PLATFORM}/drivers/uio_pdrv_genirq/bind`]: '',
  [`${PLATFORM}/drivers/vfio-platform/bind`]: '',
  [`${PLATFORM}/drivers/of_serial/unbind`]: '',
  // Its driver has no bind and no unbind.
  [`${PLATFORM}/drivers/fixed-clock/uevent`]: '',
  [`${PLATFORM}/devices/clock.0`]: { link: '../../../devices/platform/clock.0' },
  'sys/devices/platform/clock.0/driver': { link: '../../../bus/platform/drivers/fixed-clock' },
  'sys/devices/platform/clock.0/driver_override': '(null)\n',
  [`${DMA}/driver`]: { link: '../../../bus/platform/drivers/dw-dma' },
  [`${DMA}/driver_override`]: '(null)\n',
  [`${DMA}/modalias`]: 'of:NdmaT(null)Cvendor,dma\n',
  [`${DMA}/of_node`]: node('dma'),
  [`${DMA}/iommu_group`]: { link: '../../../kernel/iommu_groups/3' },
  'sys/firmware/devicetree/base/dma/compatible': 'vendor,dma-v2\0vendor,dma\0',
  'sys/firmware/devicetree/base/dma/reg': 'x',
  [`${ETH}/driver`]: { link: '../../../bus/platform/drivers/macb' },
  [`${ETH}/driver_override`]: '(null)\n',
  [`${ETH}/modalias`]: 'of:NethernetT(null)Ccdns,macb\n',
  [`${ETH}/of_node`]: node('eth'),
  [`${ETH}/net/eth0/flags`]: '0x1003\n',
  'sys/firmware/devicetree/base/eth/compatible': 'cdns,macb\0',
  'sys/firmware/devicetree/base/eth/interrupts': 'x',
  'sys/class/net/eth0': { link: '../../devices/platform/fe200000.ethernet/net/eth0' },
  [`${UART}/driver`]: { link: '../../../bus/platform/drivers/of_serial' },
  [`${UART}/driver_override`]: '(null)\n',
  [`${UART}/tty/ttyS0/dev`]: '4:64\n',
  'sys/class/tty/ttyS0': { link: '../../devices/platform/fe201000.serial/tty/ttyS0' },
  'sys/class/tty/console/active': 'ttyS0\n',
  'sys/class/iommu/smmu3.0x09050000/devices/x': '',
  'sys/kernel/iommu_groups/3/devices/ff500000.dma': { link: '../../../../devices/platform/ff500000.dma' },
  'sys/kernel/iommu_groups/3/type': 'DMA\n',
  'sys/bus/dfl/devices/dfl_dev.0/feature_id': '0x15\n',
  'sys/bus/pci/devices': 'a directory',
  'proc/self/mountinfo': '20 1 0:18 / / rw - tmpfs tmpfs rw\n',
});
const on = `--sysroot ${tree}`;

cliPasses([
  [
    `${on} list --type platform`,
    text`
      DEVICE             BUS       DRIVER       OVERRIDE  GROUP  MODALIAS
      clock.0            platform  fixed-clock  -         -      -
      fe200000.ethernet  platform  macb         -         -      of:NethernetT(null)Ccdns,macb
      fe201000.serial    platform  of_serial    -         -      -
      ff500000.dma       platform  dw-dma       -         3      of:NdmaT(null)Cvendor,dma
    `,
  ],
  [`${on} list --type platform -q --filter driver=macb`, 'fe200000.ethernet\n'],
  [
    `${on} list --type platform ff500000.dma --json`,
    '{"schema":"udrv.list/1","devices":[{"address":"ff500000.dma","framework":"platform","vendorId":null,"deviceId":null,"name":"dma","driver":"dw-dma","node":null,"access":null,"errors":[],"platform":{"bus":"platform","driverOverride":null,"modalias":"of:NdmaT(null)Cvendor,dma","iommuGroup":3}}]}\n',
  ],
  [
    `${on} show ff500000.dma`,
    text`
      ff500000.dma  platform
        driver               dw-dma
        compatible           vendor,dma-v2, vendor,dma
        modalias             of:NdmaT(null)Cvendor,dma
        interrupt            none in the device tree
        group                3
        for uio_pdrv_genirq  udrv ${on} bind ff500000.dma uio_pdrv_genirq --dry-run
        for vfio-platform    udrv ${on} bind ff500000.dma vfio-platform --dry-run
    `,
  ],
  [
    `${on} show fe200000.ethernet`,
    text`
      fe200000.ethernet  platform
        driver                   macb
        compatible               cdns,macb
        modalias                 of:NethernetT(null)Ccdns,macb
        interrupt                in the device tree
        group                    none
        not for uio_pdrv_genirq  the network interface eth0 is up
        not for vfio-platform    the network interface eth0 is up
    `,
  ],
  [
    `${on} show dfl_dev.0`,
    text`
      dfl_dev.0  dfl
        driver      none
        group       none
        user space  uio_dfl takes it if it knows its feature_id: sudo modprobe uio_dfl
    `,
  ],
  [
    `${on} -n bind ff500000.dma vfio-platform`,
    text`
      echo ff500000.dma > /sys/bus/platform/drivers/dw-dma/unbind
      echo vfio-platform > /sys/bus/platform/devices/ff500000.dma/driver_override
      echo ff500000.dma > /sys/bus/platform/drivers/vfio-platform/bind
    `,
  ],
  [`${on} -n unbind ff500000.dma`, 'echo ff500000.dma > /sys/bus/platform/drivers/dw-dma/unbind\n'],
  // Its group comes, if it comes, with the driver.
  [
    `${on} -n bind fe201000.serial vfio-platform --force -q`,
    text`
      echo fe201000.serial > /sys/bus/platform/drivers/of_serial/unbind
      echo vfio-platform > /sys/bus/platform/devices/fe201000.serial/driver_override
      echo fe201000.serial > /sys/bus/platform/drivers/vfio-platform/bind
    `,
  ],
]);

test.concurrent('a part that programs expect and the device has not is a remark', async () => {
  expect(await udrv(`${on} -n bind ff500000.dma uio-pdrv-genirq`)).toEqual({
    stdout: text`
      echo ff500000.dma > /sys/bus/platform/drivers/dw-dma/unbind
      echo uio_pdrv_genirq > /sys/bus/platform/devices/ff500000.dma/driver_override
      echo ff500000.dma > /sys/bus/platform/drivers/uio_pdrv_genirq/bind
    `,
    stderr: 'udrv: ff500000.dma: no interrupt in the device tree: its node answers EIO to a wait for one\n',
    exit: 0,
  });
});

test.concurrent('doctor says what is in the way of VFIO, and what takes it away', async () => {
  expect(await udrv(`${on} doctor ff500000.dma --for vfio`)).toEqual({
    stdout: text`
      ff500000.dma for VFIO: blocked

      1  platform-driver-bound  blocks
         The kernel's driver dw-dma has the device.
         seen      /sys/bus/platform/devices/ff500000.dma/driver: dw-dma
         prevents  VFIO: the device is not bound to a VFIO driver
         mend      sudo udrv bind ff500000.dma vfio-platform
         proof     udrv list --type platform ff500000.dma

      The commands are for the machine that was recorded, not for this one.
    `,
    stderr: '',
    exit: 1,
  });
});

cliFails(3, [
  [`${on} list --type platform ff500000`, 'ff500000: no such device (ENODEV)', `udrv ${on} list --type platform`],
  [
    `${on} -n bind ff500000 uio_pdrv_genirq`,
    'ff500000: no such device (ENODEV)',
    `udrv ${on} list --all shows what there is`,
  ],
]);

cliFails(5, [
  [
    `${on} -n bind fe200000.ethernet vfio-platform`,
    'fe200000.ethernet: refused: the network interface eth0 is up',
    'ip link set eth0 down; or --force does it anyway',
  ],
  [
    `${on} -n unbind fe201000.serial`,
    'fe201000.serial: refused: ttyS0 is a console of the kernel',
    '--force does it anyway',
  ],
]);

cliFails(9, [
  [
    `${on} -n unbind clock.0 --force`,
    'clock.0: its driver, fixed-clock, does not let it go (ENOTSUP)',
    'the driver has no unbind in sysfs (suppress_bind_attrs): nothing but another kernel changes that',
  ],
  [
    `${on} -n bind dfl_dev.0 uio_dfl`,
    'dfl_dev.0: the bus dfl does not let a driver be chosen: it has no driver_override (ENOTSUP)',
  ],
  [
    `${on} -n bind ff500000.dma vfio-pci`,
    'vfio-pci: is a driver of PCI functions, and this is a platform device',
    `a platform device can have uio_pdrv_genirq or vfio-platform; udrv ${on} list --type pci shows the functions for it`,
  ],
]);
