import { seededRandom } from '@inverseform/shared'
import type { Camera } from './camera.js'
import { createDice, type Dice } from './dice.js'
import type { Part } from './drawing.js'

/** Side of the tables of noise: a power of two. They repeat without a seam. */
const SIDE = 256
const MASK = SIDE - 1

/** Standard normal numbers, from uniform ones by Box and Muller (1958). */
function normals(count: number, seed: number): Float32Array {
  const random = seededRandom(seed)
  return Float32Array.from(
    { length: count },
    () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random()),
  )
}

/** Noise with grains of about four cells: white noise blurred thrice by a box of three, of mean 0 and variance 1. */
function grainTable(seed: number): Float32Array {
  let table = normals(SIDE * SIDE, seed)
  for (const [dx, dy] of [
    [1, 0],
    [0, 1],
    [1, 0],
    [0, 1],
    [1, 0],
    [0, 1],
  ]) {
    table = table.map((_, i) => {
      const [x, y] = [i % SIDE, Math.floor(i / SIDE)]
      let sum = 0
      for (const k of [-1, 0, 1]) sum += table[((y + k * dy) & MASK) * SIDE + ((x + k * dx) & MASK)]
      return sum / 3
    })
  }
  const spread = Math.sqrt(table.reduce((sum, value) => sum + value * value, 0) / table.length)
  return table.map((value) => value / spread)
}

const fine = grainTable(11)
const coarse = grainTable(12)
/** Noise of the sensor. Its length is prime, so that rows of pixels do not repeat it in step. */
const sensor = normals(65521, 13)

/**
 * Gives a picture of flat colors the texture of its parts and the faults of a camera: uneven light, vignetting, blur, white
 * balance, contrast and noise.
 *
 * @param rgba the picture: height x width x 4
 * @param partOf the part of each pixel, an index into `parts`
 * @returns height x width x 3
 */
export function finish(
  rgba: Uint8Array,
  partOf: Uint32Array,
  parts: readonly Part[],
  camera: Camera,
  seed: number,
): Uint8Array {
  const dice = createDice(seed)
  const { width, height } = camera
  const textured = addTextures(rgba, partOf, parts, camera, dice)
  const sharpness = (dice.between(0.25, 0.75) * Math.max(height, 128)) / 512
  blur(textured, width, height, Math.min(0.9, sharpness))
  return develop(textured, camera, dice)
}

function addTextures(
  rgba: Uint8Array,
  partOf: Uint32Array,
  parts: readonly Part[],
  { width, height, focal, eye, center }: Camera,
  dice: Dice,
): Float32Array {
  const rgb = new Float32Array(width * height * 3)
  const count = parts.length
  const [amounts, steps] = [new Float32Array(count), new Float32Array(count)]
  const offsets = new Int32Array(count)
  parts.forEach(({ amount, grain, isGround }, i) => {
    amounts[i] = amount * dice.between(0.6, 1.4)
    // Cells of the table per pixel; on the ground, per meter. Grains below a pixel stay as large as one.
    steps[i] = isGround ? -4 / grain : Math.min(2, 4 / Math.max(grain, 0.1))
    offsets[i] = dice.integer(0, SIDE * SIDE - 1)
  })
  // Clouds shade the scene unevenly.
  const [shade, stretch] = [dice.between(0.01, 0.05), dice.between(14, 30) / width]
  for (let y = 0, i = 0; y < height; y++) {
    // A pixel of this row shows this distance on level ground.
    const distance = (focal * eye) / Math.max(0.5, y - center[1])
    const perPixel = distance / focal
    for (let x = 0; x < width; x++, i++) {
      const part = partOf[i]
      const offset = offsets[part]
      let [u, v, strength] = [0, 0, amounts[part]]
      if (steps[part] < 0) {
        const perMeter = -steps[part]
        // Far grains are smaller than a pixel and average out.
        const cells = perPixel * perMeter
        if (cells > 2) strength *= 2 / cells
        u = (x - center[0]) * Math.min(cells, 2)
        v = cells > 2 ? y * 2 : distance * perMeter
      } else {
        u = x * steps[part]
        v = y * steps[part]
      }
      const a = (((v | 0) & MASK) * SIDE + ((u | 0) & MASK) + offset) & (SIDE * SIDE - 1)
      const b = ((((v * 0.3) | 0) & MASK) * SIDE + (((u * 0.3) | 0) & MASK) + offset) & (SIDE * SIDE - 1)
      const c = (((y * stretch) | 0) & MASK) * SIDE + (((x * stretch) | 0) & MASK)
      const by = 1 + strength * (0.75 * fine[a] + 0.66 * coarse[b]) + shade * coarse[c]
      rgb[3 * i] = rgba[4 * i] * by
      rgb[3 * i + 1] = rgba[4 * i + 1] * by
      rgb[3 * i + 2] = rgba[4 * i + 2] * by
    }
  }
  return rgb
}

/** Blurs in place by the kernel [k, 1, k] / (1 + 2k) along both axes. */
function blur(rgb: Float32Array, width: number, height: number, sigma: number): void {
  const k = Math.exp(-1 / (2 * sigma * sigma))
  const [side, middle] = [k / (1 + 2 * k), 1 / (1 + 2 * k)]
  const row = 3 * width
  for (let y = 0; y < height; y++) {
    for (let channel = 0; channel < 3; channel++) {
      let i = y * row + channel
      let before = rgb[i]
      for (let x = 0; x < width - 1; x++, i += 3) {
        const here = rgb[i]
        rgb[i] = here * middle + (before + rgb[i + 3]) * side
        before = here
      }
    }
  }
  const above = rgb.slice(0, row)
  for (let y = 0; y < height - 1; y++) {
    for (let i = y * row, x = 0; x < row; i++, x++) {
      const here = rgb[i]
      rgb[i] = here * middle + (above[x] + rgb[i + row]) * side
      above[x] = here
    }
  }
}

/** Exposure, white balance, contrast, vignetting and noise. */
function develop(rgb: Float32Array, { width, height }: Camera, dice: Dice): Uint8Array {
  const exposure = dice.between(0.72, 1.18)
  const gains = [0, 1, 2].map(() => exposure * dice.between(0.93, 1.07))
  const contrast = dice.between(0.85, 1.15)
  const saturation = dice.between(0.65, 1.15)
  const dark = dice.between(0, 0.35)
  const noise = dice.between(1, 5)
  const start = dice.integer(0, sensor.length - 1)
  const out = new Uint8Array(rgb.length)
  for (let y = 0, i = 0, n = start; y < height; y++) {
    const dy = y / height - 0.5
    for (let x = 0; x < width; x++, i += 3) {
      const dx = x / width - 0.5
      const vignette = 1 - dark * (dx * dx + dy * dy)
      const gray = (0.3 * rgb[i] + 0.59 * rgb[i + 1] + 0.11 * rgb[i + 2]) * (1 - saturation)
      for (let channel = 0; channel < 3; channel++) {
        n = n + 1 === sensor.length ? 0 : n + 1
        const light = (gray + rgb[i + channel] * saturation) * gains[channel] * vignette
        const value = (light - 118) * contrast + 118 + noise * (0.6 + light / 300) * sensor[n]
        out[i + channel] = value < 0 ? 0 : value > 255 ? 255 : value + 0.5
      }
    }
  }
  return out
}
