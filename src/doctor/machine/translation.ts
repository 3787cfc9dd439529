import type { Check } from '../check';

/** The kernel's own domains: passed through, so that a device with the kernel's driver is not isolated. */
export const translation: Check = {
  ids: ['iommu-passthrough'],
  about: 'default domain',
  *run({ tree }) {
    const words = (tree.text('/proc/cmdline') ?? '').split(/\s+/);
    const found = words.filter((word) => /^(?:iommu=(?:.*,)?pt|iommu\.passthrough=1)\b/.test(word));
    if (found.length === 0) return;
    yield {
      id: 'iommu-passthrough',
      severity: 'note',
      seen: found.map((value) => ({ path: '/proc/cmdline', value })),
      means:
        "The IOMMU lets the kernel's own drivers through untranslated. Devices that VFIO has are translated all the same.",
      prevents: 'isolation of devices that the kernel drives, UIO devices too',
      mend: found.map((text) => ({ kind: 'kernel-argument', text, action: 'remove' })),
      proof: 'udrv vfio groups',
    };
  },
};
