import { palette as cityscapesPalette, labels, type Rgb } from '@inverseform/cityscapes'

/**
 * Returns one color for each class: Cityscapes' for 19 classes, else those of Pascal VOC's development kit
 * (`VOClabelcolormap`), which spreads the bits of an id over red, green and blue, from the highest bits down.
 */
export function paletteOf(numClasses: number): readonly Rgb[] {
  if (numClasses === cityscapesPalette.length) return cityscapesPalette
  const channel = (id: number, bit: number): number => {
    let value = 0
    for (let k = 0; k < 8; k++) value |= ((id >> (3 * k + bit)) & 1) << (7 - k)
    return value
  }
  // Black, the color of 0, stands for pixels without a class.
  return Array.from({ length: numClasses }, (_, c) => [
    channel(c + 1, 0),
    channel(c + 1, 1),
    channel(c + 1, 2),
  ])
}

/** Returns one color for each output of a network: those of label ids for 34 or 35 outputs, else as {@link paletteOf}. */
export function outputPalette(numOutputs: number): readonly Rgb[] {
  if (numOutputs !== 34 && numOutputs !== 35) return paletteOf(numOutputs)
  return labels.slice(0, numOutputs).map(({ color }) => color)
}
