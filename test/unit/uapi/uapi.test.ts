import * as libc from '../../../src/uapi/libc';
import * as pci from '../../../src/uapi/pci-regs';
import { packIrqControl, UIO_WORD_SIZE, unpackEventCount } from '../../../src/uapi/uio';
import { cValues } from '../../support/c-header';
import { describeWith } from '../../support/requires';

/** Our number, and the C expression whose value it must have. */
const EXPECTED: [name: string, ours: number, c: string][] = [
  ['PROT_READ', libc.PROT_READ, 'PROT_READ'],
  ['PROT_WRITE', libc.PROT_WRITE, 'PROT_WRITE'],
  ['MAP_SHARED', libc.MAP_SHARED, 'MAP_SHARED'],
  ['MAP_PRIVATE', libc.MAP_PRIVATE, 'MAP_PRIVATE'],
  ['MAP_FIXED', libc.MAP_FIXED, 'MAP_FIXED'],
  ['MAP_ANONYMOUS', libc.MAP_ANONYMOUS, 'MAP_ANONYMOUS'],
  ['MAP_NORESERVE', libc.MAP_NORESERVE, 'MAP_NORESERVE'],
  ['MAP_HUGETLB', libc.MAP_HUGETLB, 'MAP_HUGETLB'],
  ['MAP_HUGE_SHIFT', libc.MAP_HUGE_SHIFT, 'MAP_HUGE_SHIFT'],
  ['MADV_POPULATE_WRITE', libc.MADV_POPULATE_WRITE, 'MADV_POPULATE_WRITE'],
  ['MPOL_BIND', libc.MPOL_BIND, 'MPOL_BIND'],
  ['SYS_MBIND', process.arch === 'x64' ? libc.SYS_MBIND_X64 : libc.SYS_MBIND, '__NR_mbind'],
  ['LOCK_EX', libc.LOCK_EX, 'LOCK_EX'],
  ['LOCK_NB', libc.LOCK_NB, 'LOCK_NB'],
  ['POLLIN', libc.POLLIN, 'POLLIN'],
  ['POLLOUT', libc.POLLOUT, 'POLLOUT'],
  ['EPOLLOUT', libc.EPOLLOUT, 'EPOLLOUT'],
  ['iovec.size', libc.iovec.size, 'sizeof(struct iovec)'],
  ['iovec.base', libc.iovec.base, 'offsetof(struct iovec, iov_base)'],
  ['iovec.length', libc.iovec.length, 'offsetof(struct iovec, iov_len)'],
  ['IOV_MAX', libc.IOV_MAX, 'UIO_MAXIOV'],
  ['AF_NETLINK', libc.AF_NETLINK, 'AF_NETLINK'],
  ['SOCK_RAW', libc.SOCK_RAW, 'SOCK_RAW'],
  ['SOCK_NONBLOCK', libc.SOCK_NONBLOCK, 'SOCK_NONBLOCK'],
  ['SOCK_CLOEXEC', libc.SOCK_CLOEXEC, 'SOCK_CLOEXEC'],
  ['NETLINK_KOBJECT_UEVENT', libc.NETLINK_KOBJECT_UEVENT, 'NETLINK_KOBJECT_UEVENT'],
  ['MSG_TRUNC', libc.MSG_TRUNC, 'MSG_TRUNC'],
  ['SOL_SOCKET', libc.SOL_SOCKET, 'SOL_SOCKET'],
  ['SO_RCVBUF', libc.SO_RCVBUF, 'SO_RCVBUF'],
  ['sockaddrNl.size', libc.sockaddrNl.size, 'sizeof(struct sockaddr_nl)'],
  ['sockaddrNl.family', libc.sockaddrNl.family, 'offsetof(struct sockaddr_nl, nl_family)'],
  ['sockaddrNl.pid', libc.sockaddrNl.pid, 'offsetof(struct sockaddr_nl, nl_pid)'],
  ['sockaddrNl.groups', libc.sockaddrNl.groups, 'offsetof(struct sockaddr_nl, nl_groups)'],
  ['pollfd.size', libc.pollfd.size, 'sizeof(struct pollfd)'],
  ['pollfd.fd', libc.pollfd.fd, 'offsetof(struct pollfd, fd)'],
  ['pollfd.events', libc.pollfd.events, 'offsetof(struct pollfd, events)'],
  ['pollfd.revents', libc.pollfd.revents, 'offsetof(struct pollfd, revents)'],
  ['EPOLL_CTL_ADD', libc.EPOLL_CTL_ADD, 'EPOLL_CTL_ADD'],
  ['EPOLLIN', libc.EPOLLIN, 'EPOLLIN'],
  ['EPOLL_CLOEXEC', libc.EPOLL_CLOEXEC, 'EPOLL_CLOEXEC'],
  ['epollEvent.events', libc.epollEvent.events, 'offsetof(struct epoll_event, events)'],
  ['epollEvent.size holds either layout', libc.epollEvent.size, 'sizeof(struct epoll_event) <= 16 ? 16 : -1'],
  ['EFD_NONBLOCK', libc.EFD_NONBLOCK, 'EFD_NONBLOCK'],
  ['EFD_CLOEXEC', libc.EFD_CLOEXEC, 'EFD_CLOEXEC'],
  ['PCI_COMMAND', pci.PCI_COMMAND, 'PCI_COMMAND'],
  ['PCI_COMMAND_IO', pci.PCI_COMMAND_IO, 'PCI_COMMAND_IO'],
  ['PCI_COMMAND_MEMORY', pci.PCI_COMMAND_MEMORY, 'PCI_COMMAND_MEMORY'],
  ['PCI_COMMAND_MASTER', pci.PCI_COMMAND_MASTER, 'PCI_COMMAND_MASTER'],
  ['PCI_COMMAND_INTX_DISABLE', pci.PCI_COMMAND_INTX_DISABLE, 'PCI_COMMAND_INTX_DISABLE'],
  ['PCI_STATUS', pci.PCI_STATUS, 'PCI_STATUS'],
  ['PCI_STATUS_INTERRUPT', pci.PCI_STATUS_INTERRUPT, 'PCI_STATUS_INTERRUPT'],
  ['UIO_WORD_SIZE', UIO_WORD_SIZE, 'sizeof(int32_t)'],
];

describeWith('gcc', 'numbers and layouts equal the C headers', () => {
  let values: number[];

  beforeAll(() => {
    values = cValues(
      [
        'poll.h',
        'sys/epoll.h',
        'sys/eventfd.h',
        'sys/file.h',
        'sys/mman.h',
        'sys/socket.h',
        'sys/syscall.h',
        'sys/uio.h',
        'linux/mempolicy.h',
        'linux/netlink.h',
        'linux/pci_regs.h',
      ],
      EXPECTED.map(([, , c]) => c),
    );
  });

  test.each(EXPECTED.map(([name, ours], i) => ({ name, ours, i })))('$name', ({ ours, i }) => {
    expect(ours).toBe(values[i]);
  });
});

describe('the words of a UIO node', () => {
  test('irqcontrol is a native s32', () => {
    const word = Buffer.alloc(4);
    packIrqControl(word, true);
    expect(new Int32Array(Uint8Array.from(word).buffer)[0]).toBe(1);
    packIrqControl(word, false);
    expect(new Int32Array(Uint8Array.from(word).buffer)[0]).toBe(0);
  });

  test('the event count is a native s32', () => {
    expect(unpackEventCount(Buffer.from(Int32Array.of(-2).buffer))).toBe(-2);
    expect(unpackEventCount(Buffer.from(Int32Array.of(17).buffer))).toBe(17);
  });
});
