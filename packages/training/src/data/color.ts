/** A change of the colors of an image. */
export interface ColorChange {
  readonly kind: 'brightness' | 'contrast' | 'saturation' | 'hue'
  /** A factor of at least 0, where 1 changes nothing; for `hue`, the part of the color circle that hue turns by. */
  readonly amount: number
}

/**
 * Changes the colors of interleaved RGB pixels in place. Brightness, contrast and saturation equal Pillow's `ImageEnhance`
 * bit by bit. Hue turns by the exact angle, where Pillow's detour over 8-bit HSV rounds hue and saturation.
 */
export function changeColors(pixels: Uint8Array, changes: readonly ColorChange[]): void {
  for (const { kind, amount } of changes) {
    if (kind === 'brightness') blendAll(pixels, 0, amount)
    else if (kind === 'contrast') blendAll(pixels, meanGray(pixels), amount)
    else if (kind === 'saturation') saturate(pixels, amount)
    else turnHue(pixels, amount)
  }
}

/** Pillow's blend of two bytes: cuts off fractions, then limits to 0..255. */
const blend = (from: number, to: number, factor: number): number => {
  const value = Math.fround(from + Math.fround(Math.fround(factor) * (to - from)))
  return value <= 0 ? 0 : value >= 255 ? 255 : Math.trunc(value)
}

/** Moves all values away from one gray. */
function blendAll(pixels: Uint8Array, gray: number, factor: number): void {
  const table = Uint8Array.from({ length: 256 }, (_, value) => blend(gray, value, factor))
  for (let i = 0; i < pixels.length; i++) pixels[i] = table[pixels[i]]
}

/** Luma of ITU-R 601 in fixed point, rounded, as Pillow converts RGB to gray. */
const luma = (red: number, green: number, blue: number): number =>
  (red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> 16

function meanGray(pixels: Uint8Array): number {
  let sum = 0
  for (let i = 0; i < pixels.length; i += 3) sum += luma(pixels[i], pixels[i + 1], pixels[i + 2])
  return Math.floor(sum / (pixels.length / 3) + 0.5)
}

function saturate(pixels: Uint8Array, factor: number): void {
  // The blend depends on the gray and on the distance to it: a table of distances would round twice.
  for (let i = 0; i < pixels.length; i += 3) {
    const gray = luma(pixels[i], pixels[i + 1], pixels[i + 2])
    for (let c = i; c < i + 3; c++) pixels[c] = blend(gray, pixels[c], factor)
  }
}

/** Turns hue and keeps the value and the saturation of HSV, which are the largest and the smallest of the three channels. */
function turnHue(pixels: Uint8Array, turn: number): void {
  for (let i = 0; i < pixels.length; i += 3) {
    const [red, green, blue] = [pixels[i], pixels[i + 1], pixels[i + 2]]
    const most = Math.max(red, green, blue)
    const least = Math.min(red, green, blue)
    const range = most - least
    if (range === 0) continue
    let sixths = 6 * turn
    if (most === red) sixths += (green - blue) / range
    else if (most === green) sixths += 2 + (blue - red) / range
    else sixths += 4 + (red - green) / range
    sixths -= 6 * Math.floor(sixths / 6)
    // Each channel falls and rises linearly with the distance of the hue from its own, over a sixth of the circle.
    pixels[i] = least + range * limit(Math.abs(sixths - 3) - 1) + 0.5
    pixels[i + 1] = least + range * limit(2 - Math.abs(sixths - 2)) + 0.5
    pixels[i + 2] = least + range * limit(2 - Math.abs(sixths - 4)) + 0.5
  }
}

const limit = (value: number): number => Math.min(1, Math.max(0, value))
