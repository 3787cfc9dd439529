/** Returns vendor and device as `8086:10d3`, with question marks for what is not known. */
export function idPair(vendorId: string | null, deviceId: string | null): string {
  return `${vendorId ?? '????'}:${deviceId ?? '????'}`;
}
