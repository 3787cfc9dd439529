/** Tells whether a node of a device tree with these properties names an interrupt. Devicetree Specification, chapter on interrupts. */
export function namesInterrupt(properties: readonly string[]): boolean {
  return properties.some((name) => /^interrupts(?:-extended)?$/.test(name));
}
