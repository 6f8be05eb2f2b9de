/** A rectangle of an image. */
export interface Crop {
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
}

const step = 8

/**
 * Returns the crop with the most boundaries between classes. The predictions have no say, so that no network is favored.
 *
 * @param target train ids; 19 and more are void
 */
export function busiestCrop(
  target: Uint8Array,
  size: { readonly width: number; readonly height: number },
  crop: { readonly width: number; readonly height: number },
): Crop {
  let best = { x: 0, y: 0, ...crop }
  let most = -1
  for (let y = 0; y + crop.height <= size.height; y += step) {
    for (let x = 0; x + crop.width <= size.width; x += step) {
      const count = boundaries(target, size.width, { x, y, ...crop })
      if (count > most) [best, most] = [{ x, y, ...crop }, count]
    }
  }
  return best
}

/** Counts pairs of neighbors with two classes. */
function boundaries(target: Uint8Array, width: number, crop: Crop): number {
  let count = 0
  for (let y = crop.y; y < crop.y + crop.height - 1; y++) {
    for (let x = crop.x; x < crop.x + crop.width - 1; x++) {
      const at = y * width + x
      const id = target[at]
      if (id > 18) continue
      for (const other of [target[at + 1], target[at + width]]) if (other !== id && other < 19) count++
    }
  }
  return count
}
