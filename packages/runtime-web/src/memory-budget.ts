/** Bytes for activations: a quarter of the device's memory, of which some browsers tell nothing; WebAssembly has 4 GiB for all that there is. */
export function defaultMemoryBudget(): number {
  const { deviceMemory = 4 } = navigator as { deviceMemory?: number }
  return Math.min(2, deviceMemory / 4) * 2 ** 30
}
