import type { PlatformDevice } from '../hardware/platform-device';
import { from } from '../hardware/region';
import type { Driver } from '../kernel/bus';
import type { Kernel } from '../kernel/kernel';
import type { UioCore } from './core';

/**
 * drivers/uio/uio_pdrv_genirq.c: a platform device of the device tree. Its handler disables the interrupt at the
 * controller; irqcontrol enables it again, and then a line that is still asserted fires at once.
 */
export function uioPdrvGenirq(kernel: Kernel, uio: UioCore): Driver<PlatformDevice> {
  return {
    name: 'uio_pdrv_genirq',
    matches: (device) => device.compatible === 'udrv,timer',
    probe({ name, path, irq, resources, nodeName }) {
      // priv->flags says whether the interrupt is disabled, so that disabling does not nest.
      const irqState = { enabled: true };
      const setEnabled = (on: boolean) => {
        if (on === irqState.enabled) return;
        irqState.enabled = on;
        if (on) irq.enable();
        else irq.disable();
      };
      const device = uio.register(path, {
        name: nodeName,
        version: 'devicetree',
        irq,
        maps: resources.map((resource) => {
          const offset = resource.start % kernel.pageSize;
          return {
            name: resource.name,
            address: resource.start - offset,
            offset,
            size: kernel.pages(offset + resource.size),
            region: from(kernel.log.of(name, resource.name, resource.region), -offset),
          };
        }),
        ports: [],
        handler: () => {
          setEnabled(false);
          return true;
        },
        irqControl: setEnabled,
        irqState,
      });
      return () => uio.unregister(device);
    },
  };
}
