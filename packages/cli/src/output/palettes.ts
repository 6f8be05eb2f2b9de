import { labels, type Rgb } from '@inverseform/cityscapes'
import { classColors } from '@inverseform/runtime-node'

/** Returns one color for each class, as pictures are painted by default. */
export function paletteOf(numClasses: number): readonly Rgb[] {
  const colors = classColors(numClasses)
  return Array.from({ length: numClasses }, (_, c) => [colors[3 * c], colors[3 * c + 1], colors[3 * c + 2]])
}

/** Returns one color for each output of a network: those of label ids for 34 or 35 outputs, else as {@link paletteOf}. */
export function outputPalette(numOutputs: number): readonly Rgb[] {
  if (numOutputs !== 34 && numOutputs !== 35) return paletteOf(numOutputs)
  return labels.slice(0, numOutputs).map(({ color }) => color)
}
