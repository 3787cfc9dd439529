import { usageError } from '../../errors';
import type { Sys, SysTree } from '../sys';

/** The reason why a machine cannot be worked with, and what to do about it. */
export interface Refusal {
  message: string;
  hint: string;
}

/**
 * Makes a machine of a tree that can only be read, for callers that need the type. Whatever would touch a device throws
 * UdrvError with exit 2, before anything happens.
 */
export function inspectionOnly(tree: SysTree, { message, hint }: Refusal): Sys {
  const refuse = (subject: string): never => {
    throw usageError(subject, message, hint);
  };
  // No descriptor was ever opened here.
  const refuseDescriptor = (fd: number): never => refuse(`descriptor ${fd}`);
  return {
    // The size on nearly every machine. Nothing here tells, and nothing here can be mapped.
    pageSize: 4096,
    readFile: (path, limit) => tree.readFile(path, limit),
    readDir: (path) => tree.readDir(path),
    readLink: (path) => tree.readLink(path),
    access: (path) => tree.access(path),
    permissions: (path) => tree.permissions(path),
    writeFile: refuse,
    replaceFile: refuse,
    removeFile: refuse,
    open: refuse,
    close: refuseDescriptor,
    read: refuseDescriptor,
    write: refuseDescriptor,
    pread: refuseDescriptor,
    pwrite: refuseDescriptor,
    preadWords: refuseDescriptor,
    ioctl: refuseDescriptor,
    preparedIoctl: refuseDescriptor,
    ioctlOpen: refuseDescriptor,
    mmap: refuseDescriptor,
    allocate: () => refuse('memory'),
    allocateDma: refuseDescriptor,
    eventfd: () => refuse('eventfd'),
    ueventSocket: () => refuse('uevents'),
    receive: refuseDescriptor,
    poll: refuseDescriptor,
    readWithin: refuseDescriptor,
    watch: refuseDescriptor,
  };
}
