/**
 * The error of a simulated driver, thrown where a kernel's would return -EINVAL. It knows neither the call nor the
 * path: SimSys makes a SysError of it.
 */
export class Errno extends Error {
  readonly code: string;
  /** The call that failed, where it is another than the one made: readFile fails in its open. */
  readonly syscall: string | undefined;

  constructor(code: string, syscall?: string) {
    super(code);
    this.name = 'Errno';
    this.code = code;
    this.syscall = syscall;
  }
}

/** Thrown by a call that has to wait: it is made again after the next event. */
export class Blocked extends Error {}
