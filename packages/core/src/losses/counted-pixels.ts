import { checkLabel, type IntegerArray, type MapSize } from './inputs.js'

export interface CountedPixels {
  /** Labels as positions on the class axis; 0 for pixels that do not count. */
  readonly indices: Int32Array
  /** 1 for pixels that count, else 0. */
  readonly counted: Uint8Array
}

/** @param size of the logits, whose channels are the classes */
export function countedPixels(labels: IntegerArray, size: MapSize, ignoreIndex: number): CountedPixels {
  const indices = new Int32Array(labels.length)
  const counted = new Uint8Array(labels.length)
  for (let i = 0; i < labels.length; i++) {
    const label = labels[i]!
    if (label === ignoreIndex) continue
    checkLabel(label, size.channels, i, size)
    indices[i] = label
    counted[i] = 1
  }
  return { indices, counted }
}

/** [images, classes, height · width]: 1 for the class of each pixel that counts. */
export function oneHot(
  { indices, counted }: CountedPixels,
  { channels: classes, height, width }: MapSize,
): Float32Array {
  const pixels = height * width
  const values = new Float32Array(indices.length * classes)
  for (let i = 0; i < indices.length; i++) {
    const image = Math.floor(i / pixels)
    values[(image * classes + indices[i]!) * pixels + (i - image * pixels)] = counted[i]!
  }
  return values
}
