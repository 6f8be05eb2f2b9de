import { checkLabel, type IntegerArray, type MapSize } from '../inputs.js'
import { distanceTransform } from './distance-transform.js'

/**
 * For each image and class with a boundary, how far each pixel is from the nearest one on the other side of it (of the class
 * for a pixel outside, of another class for one inside), turned into what a loss needs. Pixels that do not count are on neither
 * side and get 0, as do classes without a boundary: absent ones, and one that fills its image.
 *
 * @param value the result for a pixel from that distance, at least 1
 * @returns [images, classes, height, width]
 */
export function classDistances(
  labels: IntegerArray,
  size: MapSize,
  ignoreIndex: number,
  value: (distance: number, inside: boolean) => number,
): Float64Array {
  const { images, channels: classes, height, width } = size
  const pixels = height * width
  const result = new Float64Array(images * classes * pixels)
  const inside = new Uint8Array(pixels)
  const outside = new Uint8Array(pixels)
  for (let image = 0; image < images; image++) {
    const map = labels.subarray(image * pixels, (image + 1) * pixels)
    const present = new Set<number>(map)
    present.delete(ignoreIndex)
    for (const c of present) checkLabel(c, classes, image * pixels + map.indexOf(c), size)
    if (present.size < 2) continue
    for (const c of present) {
      for (let i = 0; i < pixels; i++) {
        inside[i] = map[i] === c ? 1 : 0
        outside[i] = map[i] === c || map[i] === ignoreIndex ? 0 : 1
      }
      const toInside = distanceTransform(inside, height, width)
      const toOutside = distanceTransform(outside, height, width)
      const offset = (image * classes + c) * pixels
      for (let i = 0; i < pixels; i++) {
        if (inside[i]) result[offset + i] = value(toOutside[i]!, true)
        else if (outside[i]) result[offset + i] = value(toInside[i]!, false)
      }
    }
  }
  return result
}
