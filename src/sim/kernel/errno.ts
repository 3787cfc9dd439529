/**
 * What a simulated driver throws, as a kernel's would return -EINVAL. It knows neither the call nor the path:
 * `sys.ts` makes a SysError of it.
 */
export class Errno extends Error {
  readonly code: string;
  /** The call that failed, where it is not the one that was made: readFile fails in its open. */
  readonly syscall: string | undefined;

  constructor(code: string, syscall?: string) {
    super(code);
    this.name = 'Errno';
    this.code = code;
    this.syscall = syscall;
  }
}

/** What a call that would have to wait throws: it is made again after the next event. */
export class Blocked extends Error {}
