/** Exit codes of the command, and the `exit` field of every {@link UdrvError}. */
export const Exit = {
  ok: 0,
  failed: 1,
  usage: 2,
  notFound: 3,
  permission: 4,
  busy: 5,
  timeout: 6,
  deviceError: 7,
  gone: 8,
  unsupported: 9,
  interrupted: 130,
} as const;
export type ExitCode = (typeof Exit)[keyof typeof Exit];

const exitByErrno: Record<string, ExitCode> = {
  EACCES: Exit.permission,
  EPERM: Exit.permission,
  EBUSY: Exit.busy,
  ETIMEDOUT: Exit.timeout,
  ENOENT: Exit.notFound,
  ENXIO: Exit.notFound,
  ENODEV: Exit.gone,
  ESHUTDOWN: Exit.gone,
  ENOTTY: Exit.unsupported,
  ENOSYS: Exit.unsupported,
  EOPNOTSUPP: Exit.unsupported,
  // Node's name for the same number.
  ENOTSUP: Exit.unsupported,
};

/** Returns the number of an errno on this platform, undefined where Node has none of this name. */
export function errnoNumber(code: string): number | undefined {
  // Loaded here, because node:os costs start-up time and a listing needs none.
  const { errno } = (require('node:os') as typeof import('node:os')).constants;
  return Object.hasOwn(errno, code) ? errno[code as keyof typeof errno] : undefined;
}

/** Returns an errno in words: `permission denied` for `EACCES`. Unknown names come back as they are. */
export function errnoMessage(code: string): string {
  const number = errnoNumber(code);
  // Loaded here, because node:util costs start-up time; each call makes the whole map anew, so this is for shown messages.
  const { getSystemErrorMap } = require('node:util') as typeof import('node:util');
  return (number !== undefined && getSystemErrorMap().get(-number)?.[1]) || code;
}

export type ErrorDetails = {
  /** The errno by name where a system call failed, else a word of udrv's own (`EUSAGE`, `ENOREGION`). */
  code: string;
  exit: ExitCode;
  /** The remedy, where one is known: best a command to type. */
  hint?: string | undefined;
} & ErrorSubject;

/** The subject of an error. An error of a whole device needs the device alone: that is its subject then. */
export type ErrorSubject =
  | {
      /** The device, region or file that the message is about. */
      subject: string;
      /** The address of the device, where there is one. */
      device?: string | undefined;
    }
  | { subject?: undefined; device: string };

/** Marks errors for copies of this module: the command is one, and the library that its scripts import another. */
const BRAND = Symbol.for('udrv.UdrvError');

/** Every error that the library throws because of a machine, a file or a request. `message` has no subject and no code: those are fields. */
export class UdrvError extends Error {
  readonly code: string;
  readonly exit: ExitCode;
  readonly subject: string;
  readonly hint: string | undefined;
  readonly device: string | undefined;

  constructor(message: string | undefined, details: ErrorDetails) {
    super(message);
    this.name = 'UdrvError';
    this.code = details.code;
    this.exit = details.exit;
    this.subject = details.subject ?? details.device;
    this.hint = details.hint;
    this.device = details.device;
  }

  get [BRAND](): true {
    return true;
  }
}

// `instanceof` knows the errors of other copies too; a subclass inherits this, and knows its own.
Object.defineProperty(UdrvError, Symbol.hasInstance, {
  value(this: unknown, value: unknown): boolean {
    return this === UdrvError
      ? value instanceof Error && BRAND in value
      : Function.prototype[Symbol.hasInstance].call(this, value);
  },
});

/**
 * A system call that failed, as {@link Sys} reports it: no policy, no advice, in the errno's words. The layer that knows
 * what the call was for makes a {@link UdrvError} with more to say of it, where there is more.
 */
export class SysError extends UdrvError {
  /** The call, as in its man page: `open`, `pread`, `ioctl`. */
  readonly syscall: string;
  /** The path, or the path a file descriptor was opened from. */
  readonly path: string;

  /** @param code the errno by name, `EACCES` */
  constructor(syscall: string, code: string, path: string) {
    super(undefined, { code, exit: exitByErrno[code] ?? Exit.failed, subject: path });
    this.name = 'SysError';
    this.syscall = syscall;
    this.path = path;
  }

  // Made when it is read: most are answers (EAGAIN) that nobody sees, and the words cost as much as many calls.
  override get message(): string {
    return errnoMessage(this.code);
  }
}

/** Makes the error of a request that cannot be right, whatever the machine: nothing was touched. */
export function usageError(subject: string, message: string, hint?: string): UdrvError {
  return new UdrvError(message, { code: 'EUSAGE', exit: Exit.usage, subject, hint });
}

/** Makes the error of a FIFO or pipe whose other end does nothing. */
export function silent(path: string, what: string, timeoutMs: number): UdrvError {
  return new UdrvError(`${what} within ${timeoutMs} ms`, { code: 'ETIMEDOUT', exit: Exit.timeout, subject: path });
}

/** Makes the error of a use after the close. @param subject the device, or what else was closed */
export function closedError(subject: string): UdrvError {
  return new UdrvError('is closed', { code: 'ECLOSED', exit: Exit.failed, subject });
}

/** Turns a close that failed into the user's error: the descriptor is closed all the same, and what was done is done. */
export function closeFailed(error: SysError, subject: { subject?: string; device?: string } = {}): UdrvError {
  return fromSysError(error, { ...subject, message: `closing it failed: ${errnoMessage(error.code)}` });
}

/** Turns a failed system call into the user's error; `details` says what is known beyond the errno. */
export function fromSysError(
  error: SysError,
  details: { subject?: string; message?: string; hint?: string | undefined; device?: string; exit?: ExitCode } = {},
): UdrvError {
  return new UdrvError(details.message ?? errnoMessage(error.code), {
    code: error.code,
    exit: details.exit ?? exitByErrno[error.code] ?? Exit.failed,
    subject: details.subject ?? error.path,
    hint: details.hint,
    device: details.device,
  });
}
