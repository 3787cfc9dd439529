/** Fields of Identify Controller that are not zero, from QEMU 7.2: where, and bytes or text. */
export const CONTROLLER: readonly (readonly [at: number, bytes: Buffer])[] = [
  [4, Buffer.from('UDRV0001'.padEnd(20))],
  [24, Buffer.from('QEMU NVMe Ctrl'.padEnd(40))],
  [64, Buffer.from('7.2.22  ')],
  [72, Buffer.from('06005452000700000004010000', 'hex')],
  [0x5c, Buffer.from('0001000000800000', 'hex')],
  [0x6f, Buffer.from('01', 'hex')],
  [0x100, Buffer.from('0a0103030307000000005701750100', 'hex')],
  [0x200, Buffer.from('66440000000100005d01000000070000', 'hex')],
  [0x216, Buffer.from('030001', 'hex')],
  [0x300, Buffer.from('nqn.2019-08.org.qemu:UDRV0001')],
  [0x800, Buffer.from('c4090000100000000400', 'hex')],
];

/** Fields of Identify Namespace: 131,072 blocks of 512 bytes, and the formats it could have. */
export const NAMESPACE: readonly (readonly [at: number, bytes: Buffer])[] = [
  [0x00, Buffer.from('000002000000000000000200000000000000020000000000140700031f000000', 'hex')],
  [0x20, Buffer.from('0001', 'hex')],
  [0x40, Buffer.from('00000000070007', 'hex')],
  [0x80, Buffer.from('00000900080009001000090040000900', 'hex')],
  [0x90, Buffer.from('00000c0008000c0010000c0040000c00', 'hex')],
];
