/** Formats a USB speed in bits a second: `1.5M`, `480M`, `5G`; `-` where it is not known. @param mbps in Mbit/s */
export function speedText(mbps: number | null): string {
  if (mbps === null) return '-';
  return mbps >= 1000 ? `${mbps / 1000}G` : `${mbps}M`;
}
