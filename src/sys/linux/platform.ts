import { Exit, UdrvError } from '../../errors';

/**
 * The processors whose kernels lay their structures out as `src/uapi` has them: 64 bits, the least byte first, and ioctl
 * numbers as in include/uapi/asm-generic/ioctl.h. Those of powerpc, mips and sparc are others, by their own asm/ioctl.h.
 */
const SUPPORTED: readonly string[] = ['x64', 'arm64', 'riscv64', 'loong64'];

/**
 * Makes sure that devices can be opened here at all: a structure of another layout would reach the kernel as nonsense.
 *
 * @param arch as Node names it
 * @throws exit 9
 */
export function mustBeSupported(arch: string = process.arch): void {
  if (SUPPORTED.includes(arch)) return;
  throw new UdrvError(`devices are opened on ${SUPPORTED.join(', ')} only, and not on ${arch}`, {
    code: 'ENOTSUP',
    exit: Exit.unsupported,
    subject: 'this machine',
    hint: "the kernel's structures, or its ioctl numbers, are others here; list, show and doctor open nothing, and work",
  });
}
