import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describeConfig } from '../../../src/cli/output/config';
import { makeStyle } from '../../../src/cli/output/style';
import { decodeConfig } from '../../../src/pci/config/decode';
import type { Capability, ConfigSpace } from '../../../src/pci/config/types';
import {
  type CapabilityBytes,
  configImage,
  type ImageOptions,
  lspciAddress,
  lspciText,
} from '../../support/config-image';
import { describeWith } from '../../support/requires';

const zeros = (bytes: number) => '00'.repeat(bytes);

/** A PCI Express capability of version 2: with it, there are extended ones. */
const endpoint: CapabilityBytes = [0x10, `0200 ${zeros(0x38)}`];
const rootPort: CapabilityBytes = [0x10, `4201 ${zeros(0x38)}`];

function only(options: ImageOptions): Capability {
  const { capabilities, extendedCapabilities, notes } = decodeConfig(configImage(options));
  expect(notes).toEqual([]);
  const [capability] = options.extended === undefined ? capabilities : extendedCapabilities;
  if (capability === undefined) throw new Error('no capability');
  return capability;
}

const standard = (id: number, registers: string, options: ImageOptions = {}) =>
  only({ ...options, capabilities: [[id, registers]] });

const extended = (id: number, registers: string, express = endpoint, version = 1) =>
  only({ capabilities: [express], extended: [[id, registers, version]] });

describe('the header', () => {
  test('of a device', () => {
    const header =
      '3412 e811 0701 1000 10 00ff00 10 20 80 00' +
      '0c0000f0 01000000 01c00000 00000000 080010fe 00000000 00000000 f41a0011' +
      '010000fe 40000000 00000000 0b 02 08 10';
    expect(decodeConfig(configImage({ header, headerType: 0x80 })).header).toMatchObject({
      vendorId: '1234',
      deviceId: '11e8',
      class: '0x00ff00',
      className: 'Unclassified device',
      revision: '10',
      headerType: 0,
      multiFunction: true,
      subsystem: '1af4:1100',
      command: {
        value: '0x0107',
        ioSpace: true,
        memorySpace: true,
        busMaster: true,
        serr: true,
        interruptDisable: false,
      },
      status: { value: '0x0010', capabilitiesList: true, devsel: 'fast' },
      latencyTimer: 32,
      cacheLineBytes: 64,
      interruptPin: 'B',
      interruptLine: 11,
      bars: [
        { name: 'bar0', kind: 'mmio', address: '0x1f0000000', width: '64-bit', prefetchable: true },
        { name: 'bar2', kind: 'portio', address: '0xc000' },
        { name: 'bar4', kind: 'mmio', address: '0xfe100000', width: '32-bit', prefetchable: true },
      ],
      rom: { address: '0xfe000000', enabled: true },
    });
  });

  test('of a bridge', () => {
    const header =
      '8680 1e24 0700 1000 00 000406 00 00 01 00' +
      '00000000 00000000 00010300 d1e1 a022 00fe 10fe 0180 f18f 02000000 02000000' +
      '0000 0000 40000000 00000000 0b 01 0a00';
    expect(decodeConfig(configImage({ header, headerType: 1 })).header).toMatchObject({
      headerType: 1,
      subsystem: null,
      buses: { primary: '00', secondary: '01', subordinate: '03', latencyTimer: 0 },
      secondaryStatus: { value: '0x22a0', mhz66: true, devsel: 'medium', receivedMasterAbort: true },
      bridgeControl: { serr: true, vga: true, secondaryBusReset: false },
      windows: [
        { name: 'io', base: '0xd000', limit: '0xefff', size: 0x2000, width: '32-bit', open: true },
        { name: 'memory', base: '0xfe000000', limit: '0xfe1fffff', open: true },
        { name: 'prefetchable', base: '0x280000000', limit: '0x28fffffff', width: '64-bit', open: true },
      ],
    });
  });

  test('a window with its base above its limit is closed', () => {
    const header = `8680 1e24 0700 0000 00 000406 00000100 ${zeros(12)} f000 0000 f0ff 0000 f1ff 0100`;
    expect(decodeConfig(configImage({ header, headerType: 1 })).header?.['windows']).toMatchObject(
      Array(3).fill({ open: false, size: 0 }),
    );
  });

  test('of a CardBus bridge', () => {
    const image = configImage({ headerType: 2, capabilities: [[0x01, '0200 0000 0000']] });
    image.writeUInt32LE(0x12345678, 0x40);
    image.writeUInt32LE(0x10000000, 0x1c);
    image.writeUInt32LE(0x11fff000, 0x20);
    expect(decodeConfig(image)).toMatchObject({
      header: {
        headerType: 2,
        subsystem: '5678:1234',
        windows: [{ name: 'memory0', limit: '0x11ffffff' }, {}, {}, {}],
      },
      capabilities: [{ offset: 0x80, name: 'Power Management' }],
      notes: [],
    });
  });

  test('of an unknown type: what all have in common', () => {
    const { header, capabilities, notes } = decodeConfig(configImage({ headerType: 3, capabilities: [endpoint] }));
    expect(header).toMatchObject({ vendorId: '1234', headerType: 3 });
    expect(capabilities).toEqual([]);
    expect(notes).toEqual(['unknown header type 0x03: where its capabilities begin is not known']);
  });

  test('of a virtual function, which has no ids', () => {
    const { header, notes } = decodeConfig(configImage({ header: 'ffff ffff 0000 0000 00 000002' }));
    expect(header).toMatchObject({ vendorId: 'ffff', className: 'Ethernet controller' });
    expect(notes).toEqual(['no vendor id: an SR-IOV virtual function, whose ids its physical function has']);
  });

  test('of a virtual function whose ids the kernel has: its capabilities are those of its vendor', () => {
    const image = configImage({
      header: 'ffff ffff 0000 0000 00 000002',
      capabilities: [[0x09, '10 01 04 000000 00100000 00080000']],
    });
    const { header, capabilities, notes } = decodeConfig(image, { vendorId: '1af4', deviceId: '1041' });
    expect(header).toMatchObject({ vendorId: '1af4', deviceId: '1041' });
    expect(capabilities).toMatchObject([{ type: 'VirtIO: CommonCfg', bar: 4 }]);
    expect(notes).toEqual([
      'the header has no ids (ffff:ffff), as that of an SR-IOV virtual function; 1af4:1041 is what the kernel has',
    ]);
  });

  test('with ids keeps them', () => {
    const { header, notes } = decodeConfig(configImage(), { vendorId: '1af4', deviceId: '1041' });
    expect(header).toMatchObject({ vendorId: '1234', deviceId: '5678' });
    expect(notes).toEqual([]);
  });
});

// One line for each: id, registers behind the two bytes of id and pointer, and what they say.
describe('a capability', () => {
  test.each<[string, number, string, object, ImageOptions?]>([
    [
      'Power Management',
      0x01,
      'c3c9 0b81 c0 00',
      {
        version: 3,
        pmc: { auxCurrentMa: 375, pmeFrom: ['D0', 'D3hot', 'D3cold'], d1: false },
        pmcsr: { powerState: 'D3', noSoftReset: true, pmeEnable: true, pmeStatus: true },
        bridge: { b2InD3: true, busPowerClockControl: true },
      },
    ],
    [
      'AGP',
      0x02,
      '3500 4b52001f 0a6f0000',
      {
        version: '3.5',
        agpSta: {
          requests: 32,
          rates: ['x4', 'x8'],
          noHostTranslation: true,
          asyncRequestSizeCode: 2,
          calibrationCycle: 4,
        },
        agpCmd: { asyncRequestSizeCode: 3, calibrationCycle: 3, sba: true, agp: true },
      },
    ],
    ['Vital Product Data', 0x03, '3480 82210000', { address: '0x0034', done: true, data: '0x00002182' }],
    ['Slot ID', 0x04, '2301', { slots: 3, first: true, chassis: '0x01' }],
    [
      'MSI',
      0x05,
      'a701 0010e0fe 01000000 4140 0000 02000000 01000000',
      {
        enable: true,
        count: 4,
        maxCount: 8,
        maskable: true,
        address64: true,
        address: '0x00000001fee01000',
        data: '0x4041',
        mask: '0x00000002',
        pending: '0x00000001',
      },
    ],
    ['MSI', 0x05, '0000 0010e0fe 4140', { enable: false, count: 1, address: '0xfee01000', data: '0x4041' }],
    ['CompactPCI hot-swap', 0x06, '1234', { bytes: expect.stringMatching(/^06001234/) }],
    [
      'PCI-X',
      0x07,
      '3b00 f8ff7331',
      { type: 'non-bridge device', command: { maxReadBytes: 2048, maxSplits: 4 }, status: { device: 'ff:1f.0' } },
    ],
    [
      'PCI-X',
      0x07,
      'c300 0800 0300 1000 2000 0000 0000',
      {
        type: 'bridge device',
        secondaryStatus: { frequency: '133 MHz' },
        upstream: { capacity: 16, commitmentLimit: 32 },
      },
      { headerType: 1 },
    ],
    ['HyperTransport', 0x08, '03a8', { type: 'MSI Mapping', enable: true, fixed: true }],
    ['HyperTransport', 0x08, '2388', { type: 'Revision ID', revision: '1.03' }],
    [
      'HyperTransport',
      0x08,
      '8100 2000 9198 d000 7700 22 05 0100 02 00 0200 0000 0580 12 34 00 00',
      {
        type: 'Slave or Primary Interface',
        revision: '1.02',
        command: { baseUnitId: 1, unitCount: 4 },
        linkConfig0: {
          maxWidthIn: '16 bit',
          flowControlIn: false,
          flowControlOut: true,
          flowControlInEnable: true,
          flowControlOutEnable: true,
        },
        errorHandling: { protocolFlood: true, protocolFatal: true, serrNonFatal: true, overflowFlood: false },
        memoryBaseUpper: '0x12',
        memoryLimitUpper: '0x34',
        linkFrequency0: { frequency: '800 MHz' },
        frequencies0: ['200 MHz'],
        features: { ldtstop: true },
      },
    ],
    [
      'HyperTransport',
      0x08,
      '0120 2000 0101 11',
      { type: 'Host or Secondary Interface', revision: '0.17', command: { warmReset: true } },
    ],
    ['Vendor Specific Information', 0x09, '08 aabbccddee', { length: 8, bytes: '090008aabbccddee' }],
    [
      'Vendor Specific Information',
      0x09,
      '14 02 04 000000 00300000 00100000 04000000',
      { type: 'VirtIO: Notify', bar: 4, offsetInBar: '0x00003000', size: '0x00001000', notifyMultiplier: 4 },
      { header: 'f41a 4110' },
    ],
    [
      'Vendor Specific Information',
      0x09,
      '18 08 0203 0000 00000000 00000040 01000000 02000000',
      {
        type: 'VirtIO: SharedMemory',
        bar: 2,
        sharedMemoryId: 3,
        offsetInBar: '0x100000000',
        size: '0x240000000',
      },
      { header: 'f41a 5a10' },
    ],
    [
      'Vendor Specific Information',
      0x09,
      '10 08 0203 0000 00100000 00000040',
      { type: 'VirtIO: SharedMemory', sharedMemoryId: 3, offsetInBar: '0x00001000', size: '0x40000000' },
      { header: 'f41a 5a10' },
    ],
    ['Debug port', 0x0a, 'a020', { bar: 1, offsetInBar: '0x00a0' }],
    ['Subsystem', 0x0d, '0000 f41a 0011', { subsystem: '1af4:1100' }],
    [
      'MSI-X',
      0x11,
      '40c0 03200000 03380000',
      {
        enable: true,
        masked: true,
        count: 65,
        table: { bar: 3, offsetInBar: '0x00002000' },
        pba: { bar: 3, offsetInBar: '0x00003800' },
      },
    ],
    ['SATA HBA', 0x12, '1000 48000000', { revision: '1.0', location: 'bar4', offsetInBar: '0x000010' }],
    ['PCI Advanced Features', 0x13, '06 03 00 01', { afCap: { flr: true }, afSta: { transactionsPending: true } }],
    [
      'Enhanced Allocation (EA)',
      0x14,
      '0200 0400ff80 020000d0 feffff3f 30840000 00000000 12ff0400 c0ffffff 0c000000',
      {
        entryCount: 2,
        entries: [
          {
            equivalent: 'bar0',
            entrySize: 4,
            primary: 'memory',
            enable: true,
            base: '0x8430d0000000',
            maxOffset: '0x3fffffff',
          },
          { equivalent: 'bar1', primary: 'unavailable', enable: false, base: '0xffffffc0' },
        ],
      },
    ],
    ['Flattening Portal Bridge', 0x15, '0000', { bytes: expect.stringMatching(/^15/) }],
    ['Capability ID 0x7f', 0x7f, '0000', { id: '0x7f', bytes: expect.stringMatching(/^7f/) }],
  ])('%s', (...[name, id, registers, fields, options]) => {
    expect(standard(id, registers, options)).toMatchObject({ name, offset: 0x40, ...fields });
  });

  const express = (type: string, link: string, more = '') => {
    const [cap, sta] = link.split(' ');
    return standard(
      0x10,
      `${type} 8185000f 3f50 0900 ${cap} 4300 ${sta} ${more}`.padEnd(200, ' 0').replaceAll(' 0 0', ' 00').trim(),
    );
  };

  test('PCI Express of an endpoint', () => {
    const capability = express('0200', '13dc4700 1310');
    expect(capability).toMatchObject({
      name: 'PCI Express',
      version: 2,
      type: 'Endpoint',
      link: '8 GT/s x1',
      devCap: { maxPayloadBytes: 256, l0sLatency: '<4 us', flr: false },
      devCtl: { maxPayloadBytes: 256, maxReadRequestBytes: 4096, relaxedOrdering: true },
      devSta: { correctable: true, unsupportedRequest: true },
      lnkCap: { speed: '8 GT/s', width: 'x1', aspm: 'L0s L1' },
      lnkCtl: { aspm: 'L0s L1', commonClock: true },
      devCtl2: { completionTimeout: '50 us to 50 ms' },
    });
    expect(capability).not.toHaveProperty('sltCap');
    expect(capability).not.toHaveProperty('rootCtl');
  });

  test.each([
    ['0200', '43dc4700 4310', '8 GT/s x4'],
    ['0200', '44dc4700 2310', '8 GT/s x2, downgraded (capable of 16 GT/s x4)'],
    ['0200', '43dc4700 2310', '8 GT/s x2, downgraded (capable of 8 GT/s x4)'],
    ['0200', '43dc4700 0010', 'down'],
    // A card in a port may have less to offer than the port.
    ['4200', '43dc4700 1110', '2.5 GT/s x1 (capable of 8 GT/s x4)'],
    ['0200', '4fdc4700 4f10', 'unknown (15) x4'],
  ])('a link, type %s, capabilities and state %s: %s', (type, link, text) => {
    expect(express(type, link)['link']).toBe(text);
  });

  test('PCI Express of a root port with a slot', () => {
    expect(express('4201', '43dc4700 4370', '6d000800 c810 4001 1800 0100 12340100')).toMatchObject({
      type: 'Root Port',
      slot: true,
      sltCap: { slot: 1, hotPlug: true, hotPlugSurprise: true, attnBtn: true, powerLimit: '0 W' },
      sltCtl: { attnInd: 'off', pwrInd: 'reserved', power: 'on' },
      sltSta: { presenceDetect: true, dllStateChanged: true, mrl: 'closed' },
      rootCtl: { pmeInterrupt: true, crsVisible: true },
      rootCap: { crsVisible: true },
      rootSta: { pmeRequester: '34:02.2', pmeStatus: true },
    });
  });

  test('PCI Express of an integrated endpoint has no link; of version 1, no second half', () => {
    const capability = standard(0x10, `9100 ${zeros(10)}`);
    expect(capability).toMatchObject({ version: 1, type: 'Root Complex Integrated Endpoint' });
    expect(Object.keys(capability)).not.toEqual(expect.arrayContaining(['lnkCap']));
    expect(capability).not.toHaveProperty('devCap2');
  });

  /** A PCI Express capability with one register of the second half set. */
  const second = (flags: string, registers: Readonly<Record<number, number>>) => {
    const bytes = Buffer.alloc(0x3c);
    for (const [at, value] of Object.entries(registers)) bytes.writeUInt32LE(value, Number(at));
    return standard(0x10, `${flags} ${bytes.subarray(4).toString('hex')}`);
  };

  // PCI Express 6.0, 7.5.3.15.
  test.each([
    [0, 'not supported'],
    [1, 'device specific'],
    [2, 'form factor or device specific'],
    [3, 'reserved (3)'],
  ])('Emergency Power Reduction %i: %s', (code, emergencyPowerReduction) => {
    expect(second('0200', { 36: code * 2 ** 24 })).toMatchObject({ devCap2: { emergencyPowerReduction } });
  });

  test.each([
    [0x00000000, { lnSystemCls: 'not supported', endEndPrefix: false, maxEndEndPrefixes: null }],
    [0x00004000, { lnSystemCls: '64 bytes' }],
    [0x00008000, { lnSystemCls: '128 bytes' }],
    [0x00200000, { endEndPrefix: true, maxEndEndPrefixes: 4 }],
    [0x00a00000, { endEndPrefix: true, maxEndEndPrefixes: 2 }],
  ])('device capabilities 2 of %i', (register, devCap2) => {
    expect(second('0200', { 36: register })).toMatchObject({ devCap2 });
  });

  test('flit mode, supported and active; a training error', () => {
    expect(second('0280', { 16: 0x04000000, 48: 0x04000000 })).toMatchObject({
      flitMode: true,
      lnkSta: { trainingError: true },
      lnkSta2: { flitMode: true },
    });
    expect(second('0200', {})).toMatchObject({ flitMode: false, lnkSta: { trainingError: false } });
  });

  test.each([
    [0, 'link down, presence not determined'],
    [4, 'link up, present'],
    [5, 'link up, present, DRS received'],
    [6, 'reserved (6)'],
  ])('a downstream component, %i: %s', (code, downstreamComponent) => {
    const registers = { 44: 0x80000000, 48: code * 2 ** 28 };
    expect(second('4200', registers)).toMatchObject({ lnkSta2: { downstreamComponent } });
    // Neither an endpoint nor a port that does not report DRS has one.
    expect(second('0200', registers)['lnkSta2']).not.toHaveProperty('downstreamComponent');
    expect(second('4200', { ...registers, 44: 0 })['lnkSta2']).not.toHaveProperty('downstreamComponent');
  });

  test.each([
    [0x19, 0, '25 W'],
    [0xfa, 1, '25 W'],
    [0xf0, 0, '250 W'],
    [0xfe, 0, '600 W'],
    [0xff, 0, 'above 600 W'],
    [0x4b, 2, '0.75 W'],
  ])('a slot power limit of %i, scale %i is %s', (limit, scale, text) => {
    const sltCap = Buffer.alloc(4);
    sltCap.writeUInt32LE(limit * 2 ** 7 + scale * 2 ** 15);
    const capability = standard(0x10, `4101 ${zeros(16)} ${sltCap.toString('hex')} ${zeros(12)}`);
    expect(capability).toMatchObject({ sltCap: { powerLimit: text } });
  });
});

describe('an extended capability', () => {
  test.each<[string, number, string, object, CapabilityBytes?, number?]>([
    [
      'Advanced Error Reporting',
      0x01,
      '00001000 00004000 30200600 01000000 00200000 a0000000 01000000 02000000 03000000 04000000',
      {
        ueSta: { value: '0x00100000', unsupportedRequest: true, dlp: false },
        ueMsk: { internal: true },
        ueSvrt: { dlp: true, surpriseDown: true, malformedTlp: true },
        ceSta: { receiver: true },
        ceMsk: { advisoryNonFatal: true },
        aerCap: { ecrcGenCap: true, ecrcChkCap: true },
        headerLog: ['0x00000001', '0x00000002', '0x00000003', '0x00000004'],
      },
    ],
    [
      'Advanced Error Reporting',
      0x01,
      `${zeros(40)} 07000000 0d000008 00010801`,
      { rootCmd: { fatal: true }, rootSta: { correctable: true, interruptMessage: 1 }, uncorrectableSource: '01:01.0' },
      rootPort,
    ],
    [
      'Virtual Channel',
      0x02,
      '01000000 01000001 0000 0000 00000000 ff000080 0000 0000 10010302 00000e01 0000 0200',
      {
        portCap1: { extendedVcs: 1 },
        portCap2: { arbitration: ['Fixed'], tableOffset: 16 },
        vcs: [
          { vcCtl: { enable: true, trafficClasses: '0xff' } },
          { vcCap: { arbitration: ['TWRR128'], maxTimeSlots: 4 }, vcSta: { negotiationPending: true } },
        ],
      },
    ],
    ['Device Serial Number', 0x03, '8967452301efcdab', { serialNumber: 'ab-cd-ef-01-23-45-67-89' }],
    [
      'Power Budgeting',
      0x04,
      '01000000 19c20000 01000000',
      { systemAllocated: true, data: { power: '0.25 W', pmState: 'D2' } },
    ],
    [
      'Root Complex Link',
      0x05,
      `00010201 ${zeros(8)} 01000300 00000000 00c0d1fe 00000000`,
      {
        elementType: 'configuration space',
        links: [{ type: 'memory', valid: true, targetComponent: 3, address: '0x00000000fed1c000' }],
      },
    ],
    [
      'Root Complex Event Collector Endpoint Association',
      0x07,
      '05000000 00010300',
      { devices: [0, 2], buses: '01-03' },
      endpoint,
      2,
    ],
    ['Vendor Specific Information', 0x0b, '34121001 deadbeef', { vsecId: '1234', vsecRevision: 0, length: 17 }],
    [
      'Access Control Services',
      0x0d,
      '3f08 1d00 00000003',
      { acsCap: { egressCtrl: true }, acsCtl: { srcValid: true, directTrans: false }, egressVector: ['0x03000000'] },
    ],
    ['Alternative Routing-ID Interpretation (ARI)', 0x0e, '0105 0000', { ariCap: { mfvc: true, nextFunction: 5 } }],
    [
      'Address Translation Service (ATS)',
      0x0f,
      '6000 0180',
      {
        atsCap: { invalidateQueueDepth: 32, pageAligned: true },
        atsCtl: { enable: true, smallestTranslationUnit: '8K' },
      },
    ],
    [
      'Single Root I/O Virtualization (SR-IOV)',
      0x10,
      `00000000 1900 0000 0800 0800 0200 0000 8001 0200 0000 ca10 53050000 01000000 0c000020 01000000 ${zeros(16)} 03000000`,
      {
        initialVfs: 8,
        totalVfs: 8,
        numVfs: 2,
        vfOffset: 384,
        vfStride: 2,
        vfDeviceId: '10ca',
        iovCtl: { enable: true, memorySpace: true, ariHierarchy: true },
        supportedPageSizes: ['4K', '8K', '64K', '256K', '1M', '4M'],
        systemPageSize: ['4K'],
        vfBars: [{ name: 'vfBar0', address: '0x120000000', width: '64-bit', prefetchable: true }],
      },
    ],
    [
      'Multicast',
      0x12,
      `3f05 0180 0c000010 00000000 ${zeros(24)}`,
      {
        mcastCap: { maxGroups: 64, windowBytes: 32 },
        mcastCtl: { groups: 2, enable: true },
        indexPosition: 12,
        address: '0x0000000010000000',
      },
    ],
    [
      'Page Request Interface (PRI)',
      0x13,
      '0100 0081 00020000 20000000',
      { capacity: 512, allocation: 32, priCtl: { enable: true }, priSta: { stopped: true, pasidRequired: true } },
    ],
    [
      'Physical Resizable BAR',
      0x15,
      '00f00f00 20080000',
      { bars: [{ name: 'bar0', size: '256M', supported: ['256M', '512M', '1G', '2G', '4G', '8G', '16G', '32G'] }] },
    ],
    [
      'Transaction Processing Hints',
      0x17,
      '02041f00 01010000',
      {
        tphCap: { interruptVectorMode: true, steeringTable: 'in the MSI-X table', steeringTableEntries: 32 },
        tphCtl: { mode: 'interrupt vector', requester: 'TPH' },
      },
    ],
    ['Latency Tolerance Reporting', 0x18, '0310 ff1f', { maxSnoop: '3145728 ns', maxNoSnoop: 'reserved (7)' }],
    [
      'Secondary PCI Express',
      0x19,
      '03000000 05000000',
      { lnkCtl3: { performEqualization: true }, laneErrors: [0, 2] },
    ],
    [
      'Process Address Space ID (PASID)',
      0x1b,
      '0614 0300',
      {
        pasidCap: { maxWidth: 20, execute: true, privileged: true },
        pasidCtl: { enable: true, execute: true, privileged: false },
      },
    ],
    [
      'Downstream Port Containment',
      0x1d,
      'e704 0a00 0300 0001 00000000 01000000 02000000 03000000 04000000',
      {
        dpcCap: { interruptMessage: 7, rpExtensions: true },
        dpcCtl: { trigger: 'fatal or non-fatal', interrupt: true },
        dpcSta: { trigger: true, reason: 'ERR_NONFATAL' },
        source: '01:00.0',
        rpPioException: '0x00000004',
      },
    ],
    [
      'L1 PM Substates',
      0x1e,
      '1f0a2900 0f0a5540 29000000',
      {
        l1SubCap: { substates: true, pciPmL12: true, commonModeRestoreTime: '10 us', powerOnTime: '50 us' },
        l1SubCtl1: { ltrL12Threshold: '87040 ns' },
        l1SubCtl2: { powerOnTime: '50 us' },
      },
    ],
    [
      'Precision Time Measurement',
      0x1f,
      '07040000 03ff0000',
      {
        ptmCap: { root: true, clockGranularity: '4 ns' },
        ptmCtl: { enable: true, effectiveGranularity: 'above 254 ns' },
      },
    ],
    [
      'Designated Vendor-Specific',
      0x23,
      '3412c000 0700',
      { dvsecVendor: '1234', dvsecId: '0007', dvsecRevision: 0, length: 12 },
    ],
    [
      'Designated Vendor-Specific',
      0x23,
      `981ec203 0000 1700 0600 0040 1d00 0000 0100 5102 01000000 03000010 00000000 00000000 ${zeros(16)} 0a000000`,
      {
        type: 'CXL: PCIe DVSEC for CXL Devices',
        cxlCap: { cache: true, hdmCount: 1 },
        cxlCtl: { io: true, mem: true },
        cxlSta: { viral: true },
        // Compute Express Link 3.0, 8.1.3.4: a bit each, though lspci 3.13 takes the numbers of the bits for masks.
        cxlCtl2: {
          disableCaching: true,
          initiateCacheWriteBack: false,
          initiateReset: true,
          resetMemClear: true,
          desiredVolatileHdmStateAfterHotReset: true,
        },
        cxlLock: { configurationLock: true },
        cxlCap2: { cacheBytes: 131072, fallback: 'PCIe', modifiedCompletion: true },
        cxlCap3: { defaultVolatileHdmStateAfterWarmReset: true, hotResetConfigurable: true },
        ranges: [
          { base: '0x0000000000000000', size: '0x0000000110000000', valid: true, active: true, type: 'volatile' },
          {},
        ],
      },
    ],
    [
      'Designated Vendor-Specific',
      0x23,
      '981e0001 0400 0000 0205 0403',
      { type: 'CXL: GPF for CXL Ports', phase1Timeout: '200 ms', phase2Timeout: '4 ms' },
    ],
    [
      'Designated Vendor-Specific',
      0x23,
      '981e0001 0500 0401 64000000',
      { type: 'CXL: GPF for CXL Devices', phase2Duration: '40 us', phase2PowerMw: 100 },
    ],
    [
      'Designated Vendor-Specific',
      0x23,
      '981e0202 0700 2700 2700 2700 563412 00 01000000 00000000 02000000',
      {
        type: 'CXL: PCIe DVSEC for Flex Bus Port',
        flexBusCap: { cache: true, flit68: true },
        modifiedTsData: '0x123456',
        flexBusSta2: { nopHint: 2 },
      },
    ],
    [
      'Designated Vendor-Specific',
      0x23,
      '981ec001 0800 0000 02010100 00000000 00ff0000 01000000',
      {
        type: 'CXL: Register Locator',
        blocks: [
          { type: 'component registers', bar: 2, offsetInBar: '0x00010000' },
          { type: 'vendor specific', bar: 0, offsetInBar: '0x100000000' },
        ],
      },
    ],
    ['Designated Vendor-Specific', 0x23, '981e0001 6300 0000', { type: 'CXL: unknown (99)' }],
    [
      'Virtual Resizable BAR',
      0x24,
      '10000000 22000100',
      { bars: [{ name: 'bar2', size: '1M', supported: ['1M', '256T'] }] },
    ],
    [
      'Data Link Feature',
      0x25,
      '01000080 00000080',
      { dlfCap: { scaledFlowControl: true, exchangeEnable: true }, dlfSta: { valid: true } },
    ],
    [
      'Physical Layer 16.0 GT/s',
      0x26,
      `00000000 00000000 0f000000 ${zeros(12)}`,
      { sta: { complete: true, phase3: true, request: false } },
    ],
    [
      'Lane Margining at the Receiver',
      0x27,
      '0100 0300',
      { portCap: { usesDriverSoftware: true }, portSta: { ready: true, softwareReady: true } },
    ],
    [
      'Native PCIe Enclosure Management',
      0x29,
      '0d000000 05000000 01000000',
      { npemCap: { capable: true, locate: true }, npemSta: { commandCompleted: true } },
    ],
    [
      'Physical Layer 32.0 GT/s',
      0x2a,
      '01010000 00000000 0f010000',
      {
        cap: { bypassToHighestRate: true, modifiedTsUsage: ['PCI Express'] },
        sta: { complete: true, txPrecoding: true },
      },
    ],
    [
      'Data Object Exchange',
      0x2e,
      '05000000 02000000 01000080',
      {
        doeCap: { interrupt: true, interruptMessage: 2 },
        doeCtl: { interrupt: true },
        doeSta: { busy: true, objectReady: true },
      },
    ],
    [
      'Device 3',
      0x2f,
      '2c0c0000 93010000 18000000',
      {
        devCap3: { l0p: true, l0pExitLatency: '2-4 us' },
        devCtl3: { dmwrRequester: true, targetWidth: 'x2', l0p: false },
        devSta3: { initialWidth: 'x1', segmentCaptured: true, remoteL0p: true },
      },
    ],
    [
      'Integrity & Data Encryption',
      0x30,
      // Two streams of the link, one selective one with two ranges of addresses.
      `03200000 04000000 09010005 02000080 ${zeros(8)} 02000000 01024807 02000000 00ff0100 01000100 01010010 01000000 00000000 00230040 02000000 01000000`,
      {
        ideCap: { link: true, selective: true, linkTrafficClasses: 2, selectiveStreams: 1 },
        ideCtl: { flowThrough: true },
        linkStreams: [
          {
            control: { enable: true, pcrc: true, aggregationNonPosted: 'up to 4', streamId: 5 },
            status: { state: 'secure', integrityCheckFailReceived: true },
          },
          { control: { enable: false }, status: { state: 'insecure' } },
        ],
        selectiveStreams: [
          {
            control: { enable: true, configRequests: true, default: true, trafficClass: 1, streamId: 7 },
            status: { state: 'secure' },
            routingIdLimit: { limit: '01:1f.7' },
            routingIdBase: { valid: true, base: '01:00.0', segmentBase: '0x00' },
            addresses: [
              { valid: true, base: '0x00100000', limit: '0x1100fffff' },
              { valid: false, base: '0x102300000', limit: '0x2400fffff' },
            ],
          },
        ],
      },
    ],
    ['Flit Logging', 0x32, '00000000', { bytes: expect.stringMatching(/^3200/) }],
    ['Capability ID 0x1234', 0x1234, '00000000', { id: '0x1234', bytes: expect.stringMatching(/^3412/) }],
  ])('%s', (...[name, id, registers, fields, express, version = 1]) => {
    expect(extended(id, registers, express, version)).toMatchObject({ name, offset: 0x100, version, ...fields });
  });

  test('is not looked for without PCI Express or PCI-X', () => {
    const image = configImage({ capabilities: [[0x01, zeros(6)]], extended: [[0x03, zeros(8)]] });
    expect(decodeConfig(image).extendedCapabilities).toEqual([]);
  });
});

describe('a space that is not as it should be', () => {
  const notes = (image: Buffer) => decodeConfig(image).notes;
  const pm: CapabilityBytes = [0x01, zeros(6)];

  test.each<[string, (image: Buffer) => void, string]>([
    ['loops', (image) => image.writeUInt8(0x40, 0x49), 'capability list loops back to 0x40'],
    ['points at itself', (image) => image.writeUInt8(0x48, 0x49), 'capability list loops back to 0x48'],
    [
      'leads into the header',
      (image) => image.writeUInt8(0x3c, 0x49),
      'capability list leads into the header, at 0x3c: the kernel ends it there',
    ],
    ['has an entry of ones', (image) => image.writeUInt8(0xff, 0x48), 'capability list is broken at 0x48: id 0xff'],
    ['overlaps', (image) => image.writeUInt8(0x44, 0x41), 'Power Management at 0x40 and Null at 0x44 overlap'],
    [
      'goes on beyond the end',
      (image) => image.writeUInt8(0xfc, 0x41),
      'Power Management at 0xfc does not end before 0x100',
    ],
  ])('a list that %s', (_, spoil, note) => {
    const image = configImage({ capabilities: [pm, pm] });
    image.writeUInt8(0x01, 0xfc);
    spoil(image);
    expect(notes(image).join()).toContain(note);
  });

  test.each<[string, number, number, string]>([
    ['loops', 0x110, 0x100 * 0x100000 + 0x10003, 'extended capability list loops back to 0x100'],
    [
      'leads below its start',
      0x110,
      0x080 * 0x100000 + 0x10003,
      'extended capability list ends at 0x080, where 0x00000000 is no capability',
    ],
    [
      'ends in zeros',
      0x110,
      0x800 * 0x100000 + 0x10003,
      'extended capability list ends at 0x800, where 0x00000000 is no capability',
    ],
    ['ends in ones', 0x110, 0xffffffff, 'extended capability list ends at 0x110, where 0xffffffff is no capability'],
    ['overlaps', 0x110, 0x114 * 0x100000 + 0x10003, 'Device Serial Number at 0x110 and Null at 0x114 overlap'],
  ])('an extended list that %s', (_, at, head, note) => {
    const dsn: CapabilityBytes = [0x03, zeros(12)];
    const image = configImage({ capabilities: [endpoint], extended: [dsn, dsn] });
    image.writeUInt32LE(0x00010000, 0x114);
    image.writeUInt32LE(head, at);
    expect(notes(image)).toEqual([note]);
  });

  test('a list inside a structure ends where the next one begins', () => {
    const links = `00ff0001 ${zeros(8 + 16)}`;
    const image = configImage({
      capabilities: [endpoint],
      extended: [
        [0x05, links],
        [0x03, zeros(8)],
      ],
    });
    const { extendedCapabilities, notes } = decodeConfig(image);
    expect(extendedCapabilities[0]?.['links']).toHaveLength(1);
    expect(notes).toEqual(['Root Complex Link at 0x100 does not end before 0x120']);
  });

  test('a space full of lists is decoded to no more than lists can be', () => {
    const image = configImage({ capabilities: [endpoint], size: 4096 });
    for (let at = 0x100; at < 0x1000; at += 4) image.writeUInt32LE(0x00010005 + ((at + 4) & 0xfff) * 0x100000, at);
    expect(JSON.stringify(decodeConfig(image)).length).toBeLessThan(1_000_000);
  });

  test('all ones are not decoded', () => {
    expect(decodeConfig(Buffer.alloc(256, 0xff))).toEqual({
      size: 256,
      header: null,
      capabilities: [],
      extendedCapabilities: [],
      notes: ['reads as all ones: the function is not there, is not powered, or its link is down'],
    });
  });

  test('64 bytes have a header and say that there is more', () => {
    const { header, capabilities, notes } = decodeConfig(configImage({ capabilities: [pm] }).subarray(0, 64));
    expect(header).toMatchObject({ vendorId: '1234' });
    expect(capabilities).toEqual([]);
    expect(notes).toEqual(['truncated: the capability at 0x40 is not among the 64 bytes']);
  });

  test('256 bytes of a PCI Express function have its capabilities, and no remark', () => {
    const image = configImage({ capabilities: [endpoint], extended: [[0x03, zeros(8)]] }).subarray(0, 256);
    expect(decodeConfig(image)).toMatchObject({ capabilities: [{ id: '0x10' }], extendedCapabilities: [], notes: [] });
  });
});

/** lspci 3.9 ends with `Internal bug` at an entry of Enhanced Allocation that makes no sense. */
const noEntries = `0000${zeros(56)}`;

/** Each capability, in images of its own and as full of bits as it can be, with another behind it. */
function everything(): Buffer[] {
  // Numbers without pattern, the same in each run.
  let seed = 1;
  const noise = (bytes: number) => {
    const random = Buffer.alloc(bytes);
    for (const at of random.keys()) {
      seed = (seed * 48271) % 0x7fffffff;
      random[at] = seed;
    }
    return random.toString('hex');
  };
  const four = [0, 1, 2, 3];
  const ids = (most: number) => Array.from({ length: most + 1 }, (_, id) => id).flatMap((id) => four.map(() => id));
  const second: CapabilityBytes = [0x01, zeros(6)];
  return [
    ...[0, 1].flatMap((headerType) =>
      ids(0x16).map((id) =>
        configImage({ headerType, capabilities: [[id, id === 0x14 ? noEntries : noise(58)], second] }),
      ),
    ),
    ...[endpoint, rootPort].flatMap((express) =>
      ids(0x39).map((id, i) =>
        configImage({
          capabilities: [express],
          extended: [
            [id, noise(252), i % 16],
            [0x03, noise(8)],
          ],
        }),
      ),
    ),
    configImage({ headerType: 2, capabilities: [second, [0x05, noise(22)]] }),
  ];
}

describe('whatever the bytes', () => {
  /** Expects what holds for every decoded space and its text. */
  function expectSound(config: ConfigSpace, size: number): void {
    expect(config.size).toBe(Math.min(size, 4096));
    for (const list of [config.capabilities, config.extendedCapabilities]) {
      const offsets = list.map(({ offset }) => offset);
      expect(new Set(offsets).size).toBe(offsets.length);
      for (const { offset, name } of list) {
        expect(offset % 4).toBe(0);
        expect(offset).toBeGreaterThan(0);
        expect(offset).toBeLessThan(config.size);
        expect(name).not.toBe('');
      }
    }
    // Nothing that JSON would drop or turn into something else.
    expect(JSON.parse(JSON.stringify(config))).toEqual(config);
    const text = describeConfig(config, { style: makeStyle(false), width: undefined, verbose: true });
    expect(text).not.toMatch(/undefined|NaN|\[object/);
    expect(text).toMatch(/^[ -~\n]*$/);
  }

  const sound = (bytes: Buffer) => expectSound(decodeConfig(bytes), bytes.length);
  const bytes = (most: number) => fc.uint8Array({ maxLength: most }).map((array) => Buffer.from(array));

  test('no bytes', () => sound(Buffer.alloc(0)));

  test('random ones', () => fc.assert(fc.property(bytes(4200), sound), { numRuns: 300 }));

  test('random ones that claim to have capabilities', () =>
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 4096, maxLength: 4096 }),
        fc.constantFrom(0, 1, 2),
        (array, headerType) => {
          const image = configImage({ headerType, capabilities: [endpoint], size: 4096 });
          const random = Buffer.from(array);
          random.copy(image, 0x100, 0x100);
          // Small pointers, so that the list goes on for a while.
          for (let at = 0x100; at < 0x1000; at += 16)
            image.writeUInt16LE((random.readUInt16LE(at) & 0xff0f) | 0x10, at + 2);
          sound(image);
        },
      ),
      { numRuns: 200 },
    ));

  test('good ones with some changed', () => {
    const images = everything();
    const change = fc.tuple(fc.nat(4095), fc.nat(255));
    fc.assert(
      fc.property(fc.nat(images.length - 1), fc.array(change, { maxLength: 20 }), (index, changes) => {
        const image = Buffer.from(images[index] ?? []);
        for (const [at, byte] of changes) image[at % image.length] = byte;
        sound(image);
      }),
      { numRuns: 500 },
    );
  });

  test('good ones, cut off anywhere', () => {
    const image = configImage({
      capabilities: [[0x11, zeros(10)], [0x14, '0200 0400ff80 020000d0 feffff3f 30840000'], endpoint],
      extended: [
        [0x01, zeros(0x40)],
        [0x10, zeros(0x3c)],
        [0x23, `981e8103 0000 ${zeros(0x30)}`],
        [0x02, `07000000${zeros(0x60)}`],
      ],
    });
    for (let length = 0; length <= 0x400; length++) sound(image.subarray(0, length));
    for (let length = 0x400; length <= 4096; length += 64) sound(image.subarray(0, length));
  });

  test('all of everything', () => {
    for (const image of everything()) sound(image);
  });
});

/** Lists that no device should have: the kernel gives up on some of them, and lspci shows what it meets. */
function brokenLists(): Buffer[] {
  const pm: CapabilityBytes = [0x01, zeros(6)];
  const dsn: CapabilityBytes = [0x03, zeros(12)];
  const spoiled = (options: ImageOptions, spoil: (image: Buffer) => void) => {
    const image = configImage(options);
    spoil(image);
    return image;
  };
  const standardList = { capabilities: [pm, pm] };
  const extendedList = { capabilities: [endpoint], extended: [dsn, dsn] };
  return [
    spoiled(standardList, (image) => image.writeUInt8(0x41, 0x49)),
    spoiled(standardList, (image) => image.writeUInt8(0x3c, 0x49)),
    // Through the header and out of it again.
    spoiled(standardList, (image) => {
      image.writeUInt8(0x3c, 0x34);
      image.writeUInt16LE(0x4004, 0x3c);
    }),
    spoiled(standardList, (image) => image.writeUInt8(0xff, 0x48)),
    // A CardBus bridge whose header is followed at once.
    spoiled({ headerType: 2, capabilities: [pm] }, (image) => {
      image.writeUInt8(0x50, 0x14);
      image.writeUInt16LE(0x8004, 0x50);
    }),
    spoiled(extendedList, (image) => image.writeUInt32LE(0x10010003, 0x110)),
    spoiled(extendedList, (image) => image.writeUInt32LE(0x04010003, 0x110)),
    spoiled(extendedList, (image) => image.writeUInt32LE(0x00810003, 0x110)),
    spoiled(extendedList, (image) => image.writeUInt32LE(0x00c10003, 0x110)),
  ];
}

describeWith('lspci', 'lspci lists the same capabilities', () => {
  /** Offset, version and name; lspci -vv prints more behind the name, and no name for ids that it does not know. */
  function lspci(file: string): Map<string, string[]> {
    const { stdout, stderr, status } = spawnSync('lspci', ['-vv', '-D', '-F', file], {
      encoding: 'latin1',
      maxBuffer: 2 ** 28,
    });
    // 2 is what it ends with where it could not read all of a capability.
    expect({ status: status === 2 ? 0 : status, stderr }).toMatchObject({ status: 0 });
    const found = new Map<string, string[]>();
    let list: string[] = [];
    for (const line of stdout.split('\n')) {
      const device = /^([0-9a-f]{4}:[0-9a-f:.]+) /.exec(line)?.[1];
      if (device !== undefined) {
        list = [];
        found.set(device, list);
      }
      const capability = /^\tCapabilities: (\[.*)/.exec(line)?.[1];
      // The line that marks where a list loops or breaks is not a capability.
      if (capability !== undefined && !/\] <chain/.test(capability)) list.push(capability);
    }
    return found;
  }

  const headOf = ({ offset, version }: Capability, digits: number) =>
    `[${offset.toString(16).padStart(digits, '0')}${digits === 3 ? ` v${version}` : ''}] `;

  test.each([
    ['everything', everything(), 500],
    ['broken lists', brokenLists(), 15],
  ])('of %s', (_, images, least) => {
    const folder = mkdtempSync(join(tmpdir(), 'udrv-'));
    try {
      const file = join(folder, 'dump');
      writeFileSync(file, lspciText(images));
      const theirs = lspci(file);
      expect(theirs.size).toBe(images.length);
      let compared = 0;
      for (const [i, image] of images.entries()) {
        const { capabilities, extendedCapabilities } = decodeConfig(image);
        const lines = theirs.get(lspciAddress(i)) ?? [];
        const heads = [...capabilities.map((c) => headOf(c, 2)), ...extendedCapabilities.map((c) => headOf(c, 3))];
        expect(lines.map((line) => line.slice(0, line.indexOf(']') + 2))).toEqual(heads);
        for (const [j, { name }] of [...capabilities, ...extendedCapabilities].entries()) {
          const rest = lines[j]?.slice(heads[j]?.length) ?? '';
          if (/Capability ID 0x/.test(rest)) continue;
          expect(rest.startsWith(name.replace(/^PCI Express$/, 'Express')) ? name : rest).toBe(name);
          compared++;
        }
      }
      expect(compared).toBeGreaterThan(least);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
