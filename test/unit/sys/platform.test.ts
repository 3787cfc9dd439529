import { LinuxSys } from '../../../src/sys/linux/linux-sys';
import { mustBeSupported } from '../../../src/sys/linux/platform';

test.each(['arm', 'ia32', 'ppc64', 's390x', 'mips64el', 'ppc', 'mipsel'])('%s is refused with a line', (arch) => {
  expect(() => mustBeSupported(arch)).toThrow(expect.objectContaining({ name: 'UdrvError', exit: 9, code: 'ENOTSUP' }));
});

test.each(['x64', 'arm64', 'riscv64', 'loong64'])('%s is not', (arch) => mustBeSupported(arch));

test('before a call is made; what opens nothing works', () => {
  const { arch } = process;
  Object.defineProperty(process, 'arch', { value: 's390x' });
  try {
    const sys = new LinuxSys();
    expect(sys.readDir('/proc').length).toBeGreaterThan(0);
    for (const call of [() => sys.eventfd(), () => sys.ueventSocket(1), () => sys.allocate(4096)])
      expect(call).toThrow('and not on s390x');
  } finally {
    Object.defineProperty(process, 'arch', { value: arch });
  }
});
