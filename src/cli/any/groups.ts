import type { VerbSpec } from '../program/command';
import { command as groups } from '../vfio/groups';

export const command: VerbSpec = { ...groups, examples: ['groups -t', 'groups nvme0n1'] };
