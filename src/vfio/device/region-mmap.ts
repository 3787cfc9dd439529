import { Cleanup } from '../../cleanup';
import { errnoMessage, SysError } from '../../errors';
import type { VfioDeviceInfo } from '../../model/device';
import type { RegisterSpace } from '../../model/registers';
import { unansweredIn } from '../../model/unanswered';
import type { Mapping, Sys, Width, Word } from '../../sys/sys';
import { hex } from '../../text/hex';
import { notMappable } from '../errors';
import type { Area, LocatedRegion } from './region-info';

/** Accesses a region by mappings, an access of the processor each: made as they are needed, of whole areas. */
export class MappedSpace implements RegisterSpace {
  readonly #sys: Sys;
  readonly #fd: number;
  readonly #device: VfioDeviceInfo;
  readonly #region: LocatedRegion;
  readonly #areas: readonly Area[];
  readonly #mappings = new Map<Area, Mapping>();
  readonly #cleanup = new Cleanup();
  /** The area of the last access, which the next one mostly is in too. */
  #last: { start: number; end: number; mapping: Mapping } | undefined;

  /** @throws exit 9 where the region cannot be mapped */
  constructor(sys: Sys, fd: number, device: VfioDeviceInfo, region: LocatedRegion) {
    this.#sys = sys;
    this.#fd = fd;
    this.#device = device;
    this.#region = region;
    const { info } = region;
    if (!info.mmap) throw notMappable(device.address, info, 'cannot be mapped');
    this.#areas = info.sparse ?? [{ offset: 0, size: info.size }];
  }

  /** Tells whether an access lies in what can be mapped. */
  reaches(offset: number, width: Width): boolean {
    return this.#findArea(offset, width) !== undefined;
  }

  read(offset: number, width: Width): Word {
    const { start, mapping } = this.#at(offset, width);
    return mapping.read(offset - start, width);
  }

  write(offset: number, width: Width, value: Word): void {
    const { start, mapping } = this.#at(offset, width);
    mapping.write(offset - start, width, value);
  }

  reader(offset: number, width: Width): () => Word {
    const { start, mapping } = this.#at(offset, width);
    return mapping.reader(offset - start, width);
  }

  writer(offset: number, width: Width): (value: Word) => void {
    const { start, mapping } = this.#at(offset, width);
    return mapping.writer(offset - start, width);
  }

  close(): void {
    this.#mappings.clear();
    this.#last = undefined;
    this.#cleanup.close();
  }

  #at(offset: number, width: Width): { start: number; mapping: Mapping } {
    const last = this.#last;
    if (last !== undefined && offset >= last.start && offset + width <= last.end) return last;
    const area = this.#areaOf(offset, width);
    this.#last = { start: area.offset, end: area.offset + area.size, mapping: this.#mapping(area) };
    return this.#last;
  }

  #areaOf(offset: number, width: Width): Area {
    const area = this.#findArea(offset, width);
    if (area === undefined)
      throw notMappable(this.#device.address, this.#region.info, `cannot be mapped at ${hex(offset)}`);
    return area;
  }

  #findArea(offset: number, width: Width): Area | undefined {
    return this.#areas.find((one) => offset >= one.offset && offset + width <= one.offset + one.size);
  }

  #mapping(area: Area): Mapping {
    let mapping = this.#mappings.get(area);
    if (mapping === undefined) {
      try {
        const { position, info } = this.#region;
        const unanswered = unansweredIn(this.#device.address, info.name, area.offset);
        mapping = this.#sys.mmap(this.#fd, area.size, true, position + area.offset, unanswered);
      } catch (error) {
        if (!(error instanceof SysError)) throw error;
        throw notMappable(this.#device.address, this.#region.info, `cannot be mapped: ${errnoMessage(error.code)}`);
      }
      this.#mappings.set(area, this.#cleanup.own(mapping));
    }
    return mapping;
  }
}
