/**
 * Numbers and layouts of the C library and the generic kernel interface, for the 64-bit architectures that share
 * the asm-generic values (x86-64, arm64, riscv64, loongarch64). `test/unit/uapi.test.ts` holds them against the headers.
 */

// <sys/mman.h>
export const PROT_READ = 0x1;
export const PROT_WRITE = 0x2;
export const MAP_SHARED = 0x1;

// <poll.h>: struct pollfd { int fd; short events; short revents; }
export const POLLIN = 0x1;
export const pollfd = { size: 8, fd: 0, events: 4, revents: 6 } as const;

// <sys/epoll.h>: struct epoll_event is packed on x86-64 (12 bytes) and not elsewhere (16); the larger serves both.
export const EPOLL_CTL_ADD = 1;
export const EPOLLIN = 0x1;
export const EPOLL_CLOEXEC = 0o2000000;
export const epollEvent = { size: 16, events: 0 } as const;

// <sys/eventfd.h>
export const EFD_NONBLOCK = 0o4000;
export const EFD_CLOEXEC = 0o2000000;
