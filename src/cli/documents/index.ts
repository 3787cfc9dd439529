import type { DmaTestReport } from '../../vfio/dma-test/run';
import type {
  DoctorDocument,
  ErrorLine,
  KeptMapsFile,
  MapListDocument,
  MetricsDocument,
  SavedDocument,
  SchemasDocument,
  StepsDocument,
  UdevCheckDocument,
  UdevDocument,
  UdevInstallDocument,
  UdevRemoveDocument,
} from './administration';
import type { BenchReportDocument, LatenciesDocument, MappingBenchDocument, UsbBenchDocument } from './benchmarks';
import type {
  ConfigDocument,
  EventLine,
  GroupsDocument,
  InfoDocument,
  ListDocument,
  PciTreeDocument,
  ShowDocument,
  TopLine,
  UsbDescriptorsDocument,
  UsbRawDocument,
} from './devices';
import type {
  ChangeLine,
  DescribeDocument,
  DiffDocument,
  DumpDocument,
  InterruptLine,
  InterruptsDocument,
  ReadDocument,
  RegsDocument,
} from './registers';
import type { FaultLine, StepLine } from './session';
import type { TransferDocument, UsbAttachedDocument, UsbChangeDocument } from './transfers';

/**
 * The documents and lines of `--json`, by the names that `udrv schema` takes: those in their `schema` field, without
 * `udrv.` and the number. `npm run schemas` makes their JSON schemas of these types, and the comments here are what
 * `udrv schema` says of each.
 */
export interface Documents {
  /** devices: list, bind, unbind, restore, vfio vf */
  list: ListDocument;
  /** one device in depth, or several: show, uio show, vfio show */
  show: ShowDocument;
  /** a USB device with its descriptors, or several: usb show */
  'usb.descriptors': UsbDescriptorsDocument;
  /** the bytes of a USB device's descriptors, or those of several: usb show --raw */
  'usb.raw': UsbRawDocument;
  /** IOMMU groups: vfio groups */
  groups: GroupsDocument;
  /** the PCI hierarchy with its IOMMU groups: vfio groups --tree */
  'vfio.tree': PciTreeDocument;
  /** an opened VFIO device, without a schema field: vfio info */
  info: InfoDocument;
  /** a decoded configuration space, or several: config */
  config: ConfigDocument;
  /** a line for each event, without a schema field: monitor */
  event: EventLine;
  /** a line for each frame: top */
  top: TopLine;
  /** findings: doctor */
  doctor: DoctorDocument;
  /** the value of a register, without a schema field: read */
  read: ReadDocument;
  /** the values of registers, without a schema field: dump */
  dump: DumpDocument;
  /** registers by their names in a map: regs */
  regs: RegsDocument;
  /** a register as a map has it: describe */
  describe: DescribeDocument;
  /** a line for each register that changed: watch */
  change: ChangeLine;
  /** differences between dumps: diff */
  diff: DiffDocument;
  /** a line for each interrupt, without a schema field: watch-irq */
  interrupt: InterruptLine;
  /** the summary of a watch: watch-irq --live */
  interrupts: InterruptsDocument;
  /** a transfer, without a schema field; of usb int a line for each: usb ctrl, bulk, int, iso */
  transfer: TransferDocument;
  /** a change of a USB device: usb reset, config, alt, clear-halt, detach, attach */
  'usb.change': UsbChangeDocument;
  /** interfaces that have their drivers again: usb attach --all */
  'usb.attached': UsbAttachedDocument;
  /** latencies of interrupts, without a schema field: uio bench, vfio bench --trigger */
  latencies: LatenciesDocument;
  /** latencies of DMA mappings: vfio bench */
  'vfio.bench': MappingBenchDocument;
  /** rates and latencies of USB transfers: usb bench */
  'usb.bench': UsbBenchDocument;
  /** figures of a machine and its devices: bench report */
  'bench-report': BenchReportDocument;
  /** checks of DMA and isolation, without a schema field: vfio dma-test */
  'dma-test': DmaTestReport;
  /** a line for each step: do, run, shell */
  step: StepLine;
  /** a line for each access that the IOMMU stopped: do, run, shell */
  fault: FaultLine;
  /** bindings that are made at each boot: bind --list-saved */
  saved: SavedDocument;
  /** udev rules: udev */
  udev: UdevDocument;
  /** rules that were installed: udev --install */
  'udev.install': UdevInstallDocument;
  /** rules that were removed: udev --remove */
  'udev.remove': UdevRemoveDocument;
  /** rules that mean a device: udev --check */
  'udev.check': UdevCheckDocument;
  /** counts and states for Prometheus: metrics */
  metrics: MetricsDocument;
  /** register maps that are kept: map list */
  'map-list': MapListDocument;
  /** the file of the register maps that are kept: map add */
  maps: KeptMapsFile;
  /** the steps of --dry-run */
  steps: StepsDocument;
  /** the list of the schemas: schema */
  schemas: SchemasDocument;
  /** an error, on standard error, without a schema field: every command */
  error: ErrorLine;
}

/** A document, or a line of a stream. */
export type Document = Documents[keyof Documents];
