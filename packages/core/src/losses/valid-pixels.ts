import { checkClass, type IntegerArray, type MapSize } from './inputs.js'

export interface ValidPixels {
  /** The target as positions on the class axis; 0 for ignored pixels. */
  readonly indices: Int32Array
  /** 1 for pixels with a class, 0 for ignored pixels. */
  readonly valid: Uint8Array
}

/**
 * Splits a target into classes and a mask.
 *
 * @param size size of the logits, whose channels are the classes
 */
export function validPixels(target: IntegerArray, size: MapSize, ignoreIndex: number): ValidPixels {
  const indices = new Int32Array(target.length)
  const valid = new Uint8Array(target.length)
  for (let i = 0; i < target.length; i++) {
    const value = target[i]
    if (value === ignoreIndex) continue
    checkClass(value, size.channels, i, size)
    indices[i] = value
    valid[i] = 1
  }
  return { indices, valid }
}

/** Returns the one-hot target, [images, classes, height · width]; all 0 for ignored pixels. */
export function oneHot(
  { indices, valid }: ValidPixels,
  { channels: numClasses, height, width }: MapSize,
): Float32Array {
  const pixels = height * width
  const values = new Float32Array(indices.length * numClasses)
  for (let i = 0; i < indices.length; i++) {
    const image = Math.floor(i / pixels)
    values[(image * numClasses + indices[i]) * pixels + (i - image * pixels)] = valid[i]
  }
  return values
}
