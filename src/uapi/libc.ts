/**
 * Numbers and layouts of the C library and the generic kernel interface, for the 64-bit architectures that share
 * the asm-generic values (x86-64, arm64, riscv64, loongarch64). `test/unit/uapi.test.ts` holds them against the headers.
 */

// <sys/mman.h>
export const PROT_READ = 0x1;
export const PROT_WRITE = 0x2;
export const PROT_EXEC = 0x4;
export const MAP_SHARED = 0x1;
export const MAP_PRIVATE = 0x2;
/** At the address that is given, in place of what is there. */
export const MAP_FIXED = 0x10;
export const MAP_ANONYMOUS = 0x20;
export const MAP_NORESERVE = 0x4000;
/** With it the six bits from {@link MAP_HUGE_SHIFT} are the power of two of the page's size. */
export const MAP_HUGETLB = 0x40000;
export const MAP_HUGE_SHIFT = 26;
/** Faults all pages in, and reports what it cannot; since 5.14. */
export const MADV_POPULATE_WRITE = 23;

// <linux/mempolicy.h>, <asm/unistd.h>
export const MPOL_BIND = 2;
export const SYS_MBIND = 235;
export const SYS_MBIND_X64 = 237;

// <signal.h>: struct sigaction, its mask of 1024 signals.
export const SIGBUS = 7;
export const SA_SIGINFO = 4;
export const sigaction = { size: 152, handler: 0, mask: 8, flags: 136, restorer: 144 } as const;

// <sys/file.h>
export const LOCK_EX = 2;
export const LOCK_NB = 4;

// <poll.h>: struct pollfd { int fd; short events; short revents; }
export const POLLIN = 0x1;
export const POLLOUT = 0x4;
export const pollfd = { size: 8, fd: 0, events: 4, revents: 6 } as const;

// <sys/epoll.h>: struct epoll_event is packed on x86-64 (12 bytes) and not elsewhere (16); the larger serves both.
export const EPOLL_CTL_ADD = 1;
export const EPOLLIN = 0x1;
export const EPOLLOUT = 0x4;
export const EPOLL_CLOEXEC = 0o2000000;
export const epollEvent = { size: 16, events: 0 } as const;

// <sys/eventfd.h>
export const EFD_NONBLOCK = 0o4000;
export const EFD_CLOEXEC = 0o2000000;

// <sys/socket.h>, <linux/netlink.h>
export const AF_NETLINK = 16;
export const SOCK_RAW = 3;
export const SOCK_NONBLOCK = 0o4000;
export const SOCK_CLOEXEC = 0o2000000;
export const NETLINK_KOBJECT_UEVENT = 15;
/** An input flag that returns the length that was sent, also if the buffer is shorter. */
export const MSG_TRUNC = 0x20;
export const SOL_SOCKET = 1;
export const SO_RCVBUF = 8;
/** struct sockaddr_nl { sa_family_t nl_family; unsigned short nl_pad; __u32 nl_pid; __u32 nl_groups; } */
export const sockaddrNl = { size: 12, family: 0, pid: 4, groups: 8 } as const;

// <sys/uio.h>: struct iovec { void *iov_base; size_t iov_len; }
export const iovec = { size: 16, base: 0, length: 8 } as const;
/** UIO_MAXIOV of <sys/uio.h>. */
export const IOV_MAX = 1024;
