// A script of `udrv run`, as one is that changes something of a device.
export default async (session, { signal, args, open }) => {
  await session.do(`buf A ${args[0]}; irq msi on; master on; write bar0:0x60 1; wait msi 100ms`, { signal });
  open('uio0').device.region('map0').read(0, 4);
};
