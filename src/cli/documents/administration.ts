import type { SavedBinding } from '../../bind/saved/list';
import type { Diagnosis } from '../../doctor/diagnose';
import type { ExitCode } from '../../errors';
import type { Family } from '../../metrics/family';
import type { Access } from '../../sys/sys';
import type { RulesReport } from '../../udev/check';

export interface DoctorDocument extends Diagnosis {
  schema: 'udrv.doctor/1';
  machine: 'this' | 'recorded' | 'remote' | 'simulated';
}

export interface SavedDocument {
  schema: 'udrv.saved/1';
  saved: SavedBinding[];
}

export interface UdevDocument {
  schema: 'udrv.udev/1';
  address: string;
  /** The file that they belong into. */
  path: string;
  /** Comments and rules, a line each. */
  rules: string[];
  notes: string[];
}

/** A node as it is afterwards; null: it is not there. */
export interface GivenNode {
  path: string;
  gid: number | null;
  /** Octal digits. */
  mode: string | null;
}

export interface UdevInstallDocument {
  schema: 'udrv.udev.install/1';
  address: string;
  path: string;
  /** False where udev does not run: the rules count once it does. */
  applied: boolean;
  nodes: GivenNode[];
  notes: string[];
}

export interface UdevRemoveDocument {
  schema: 'udrv.udev.remove/1';
  paths: string[];
  nodes: GivenNode[];
  notes: string[];
}

export interface UdevCheckDocument extends RulesReport {
  schema: 'udrv.udev.check/1';
  address: string;
  access: Access | null;
}

export interface MapListDocument {
  schema: 'udrv.map-list/1';
  /** By the kind of device, `1234:11e8`; a map is what `--map` takes. */
  maps: { kind: string; map: string }[];
}

export interface KeptMapsFile {
  schema: 'udrv.maps/1';
  maps: Record<string, string>;
}

export interface MetricsDocument {
  schema: 'udrv.metrics/1';
  metrics: Family[];
}

export interface StepsDocument {
  schema: 'udrv.steps/1';
  steps: readonly string[];
}

export interface SchemasDocument {
  schema: 'udrv.schemas/1';
  /** By the names that `udrv schema` takes. */
  documents: { name: string; description: string }[];
}

export interface ErrorLine {
  error: {
    /** The errno by name, or a name of udrv's own: `EUSAGE`. */
    code: string;
    message: string;
    /** The command that mends it, where the cause is known. */
    hint?: string;
    /** The device that it is about. */
    device?: string;
    /** The exit code. */
    exit: ExitCode;
  };
}
