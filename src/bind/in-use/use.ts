/** Something that would suffer if a function lost its driver. */
export interface Use {
  /** The device: a PCI function, or its name on another bus. */
  address: string;
  kind: 'storage' | 'network' | 'console' | 'virtual functions' | 'consumers' | 'process' | 'bridge';
  /** `nvme0n1p2 is mounted on /home` */
  what: string;
  /** The command that ends it. */
  hint: string | undefined;
  /** A program drives the device from user space: taking it away would wait for the program, maybe for ever. */
  busy: boolean;
  /** The system runs from it: nothing ends that, and `--force` is no advice. */
  vital?: boolean;
}

export interface Uses {
  uses: Use[];
  /** Paths, and other things, that could not be looked at, so that there may be more uses. */
  doubts: string[];
}

/** Takes a use of a device. */
export type Report = (what: string, hint?: string, vital?: boolean) => void;
