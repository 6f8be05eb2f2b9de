import { checkClass, type IntegerArray, type MapSize } from '../inputs.js'
import { distanceTransform } from './distance-transform.js'

/**
 * Computes a value from each pixel's distance to each class boundary, for every image and class with a boundary. The distance
 * is to the nearest pixel on the other side: of the class for a pixel outside it, of another class for a pixel inside it.
 *
 * Ignored pixels are on neither side and get 0. So do classes without a boundary, which are absent or fill their image.
 *
 * @param value computes the result from the distance, at least 1
 * @returns [images, classes, height, width]
 */
export function classDistances(
  labels: IntegerArray,
  size: MapSize,
  ignoreIndex: number,
  value: (distance: number, inside: boolean) => number,
): Float64Array {
  const { images, channels: numClasses, height, width } = size
  const pixels = height * width
  const result = new Float64Array(images * numClasses * pixels)
  const inside = new Uint8Array(pixels)
  const outside = new Uint8Array(pixels)
  for (let image = 0; image < images; image++) {
    const map = labels.subarray(image * pixels, (image + 1) * pixels)
    const present = new Set<number>(map)
    present.delete(ignoreIndex)
    for (const c of present) checkClass(c, numClasses, image * pixels + map.indexOf(c), size)
    if (present.size < 2) continue
    for (const c of present) {
      for (let i = 0; i < pixels; i++) {
        inside[i] = map[i] === c ? 1 : 0
        outside[i] = map[i] === c || map[i] === ignoreIndex ? 0 : 1
      }
      const toInside = distanceTransform(inside, height, width)
      const toOutside = distanceTransform(outside, height, width)
      const offset = (image * numClasses + c) * pixels
      for (let i = 0; i < pixels; i++) {
        if (inside[i]) result[offset + i] = value(toOutside[i], true)
        else if (outside[i]) result[offset + i] = value(toInside[i], false)
      }
    }
  }
  return result
}
