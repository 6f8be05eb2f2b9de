import { checkArgument, checkNumber, InverseFormError } from '@inverseform/errors'
import { type Random, randomInteger, shuffle } from '@inverseform/shared'
import type { ColorChange } from './color.js'
import { uniform } from './random.js'

/** A range of numbers from which one is drawn uniformly. */
export type Range = readonly [min: number, max: number]

/** How images are changed at random. Defaults are those of NVIDIA's semantic-segmentation, which upstream builds on. */
export interface AugmentationOptions {
  /** Range of the factor of both sides. False keeps the size. Defaults to 0.5 to 2. */
  readonly scale?: Range | false
  /** Probability of a mirror image, 0 to 1. Defaults to 0.5. */
  readonly flip?: number
  /** Changes of color; false keeps colors. */
  readonly colorJitter?: ColorJitterOptions | false
  /** Gaussian blur; false switches it off. */
  readonly blur?: BlurOptions | false
}

export interface ColorJitterOptions {
  /** Probability that an image is changed at all. Defaults to 1. */
  readonly probability?: number
  /** The factor is from 1 - brightness to 1 + brightness; 0 keeps the brightness. Defaults to 0.25. */
  readonly brightness?: number
  /** As for brightness. Defaults to 0.25. */
  readonly contrast?: number
  /** As for brightness. Defaults to 0.25. */
  readonly saturation?: number
  /** Hue turns by at most this part of the color circle, 0 to 0.5. Defaults to 0.25. */
  readonly hue?: number
}

export interface BlurOptions {
  /** Probability of a blur. Defaults to 1. */
  readonly probability?: number
  /** Range of the standard deviation in pixels. Defaults to 0.15 to 1.3. */
  readonly sigma?: Range
}

/** Augmentation with all its defaults. */
export interface AugmentationSettings {
  readonly scale: Range | false
  readonly flip: number
  readonly colorJitter: Required<ColorJitterOptions> | false
  readonly blur: Required<BlurOptions> | false
}

/** A pixel of an image. */
export interface Place {
  readonly x: number
  readonly y: number
}

export interface Size {
  readonly width: number
  readonly height: number
}

/** What is done with one image: it is scaled, cropped, mirrored, changed in color, and blurred, in this order. */
export interface Augmentation {
  /** Size of the image after scaling. */
  readonly scaled: Size
  /** Size of the result. */
  readonly crop: Size
  /** Left upper corner of the crop in the scaled image; negative where the crop is larger and padded. */
  readonly left: number
  readonly top: number
  readonly flip: boolean
  /** In the order in which they apply. */
  readonly colors: readonly ColorChange[]
  /** Standard deviation of the blur in pixels; 0 without blur. */
  readonly sigma: number
}

/**
 * Returns the options with their defaults.
 * @throws InverseFormError `invalid-argument`
 */
export function augmentationSettings(options: AugmentationOptions | false): AugmentationSettings {
  if (options === false) return { scale: false, flip: 0, colorJitter: false, blur: false }
  const isObject = typeof options === 'object' && options !== null
  checkArgument('augmentation', options, isObject, 'an object or false')
  const { scale = [0.5, 2], flip = 0.5, colorJitter = {}, blur = {} } = options
  if (scale !== false) checkRange('augmentation.scale', scale, 0.01, 100)
  checkNumber('augmentation.flip', flip, { min: 0, max: 1 })
  return {
    scale,
    flip,
    colorJitter: colorJitter && jitterSettings(colorJitter),
    blur: blur && blurSettings(blur),
  }
}

function jitterSettings(options: ColorJitterOptions): Required<ColorJitterOptions> {
  const { probability = 1, brightness = 0.25, contrast = 0.25, saturation = 0.25, hue = 0.25 } = options
  const settings = { probability, brightness, contrast, saturation, hue }
  for (const [name, value] of Object.entries(settings)) {
    checkNumber(`augmentation.colorJitter.${name}`, value, { min: 0, max: name === 'hue' ? 0.5 : 1 })
  }
  return settings
}

function blurSettings({ probability = 1, sigma = [0.15, 1.3] }: BlurOptions): Required<BlurOptions> {
  checkNumber('augmentation.blur.probability', probability, { min: 0, max: 1 })
  checkRange('augmentation.blur.sigma', sigma, 0, 20)
  return { probability, sigma }
}

function checkRange(name: string, range: Range, min: number, max: number): void {
  const valid = Array.isArray(range) && range.length === 2
  checkArgument(name, range, valid, 'a pair [min, max] or false')
  checkNumber(`${name}[0]`, range[0], { min, max })
  checkNumber(`${name}[1]`, range[1], { min: range[0], max })
}

/**
 * Draws what is done with an image.
 *
 * @param place a pixel of the image that the crop contains; the crop is uniform among those that do, as in NVIDIA's recipe
 */
export function drawAugmentation(
  random: Random,
  size: Size,
  crop: Size,
  { scale, flip, colorJitter, blur }: AugmentationSettings,
  padding: boolean,
  place?: Place,
): Augmentation {
  const drawn = scale === false ? 1 : uniform(random, scale)
  // Without padding, the scaled image must cover the crop.
  const least = padding ? 0 : Math.max(crop.width / size.width, crop.height / size.height)
  const factor = Math.max(drawn, least)
  const side = (length: number, target: number) => Math.max(Math.floor(length * factor), padding ? 1 : target)
  const scaled = { width: side(size.width, crop.width), height: side(size.height, crop.height) }
  return {
    scaled,
    crop,
    left: drawOffset(random, size.width, scaled.width, crop.width, place?.x),
    top: drawOffset(random, size.height, scaled.height, crop.height, place?.y),
    flip: random() < flip,
    colors: colorJitter === false ? [] : drawColors(random, colorJitter),
    sigma: blur !== false && random() < blur.probability ? uniform(random, blur.sigma) : 0,
  }
}

/** Draws where a crop starts along one side. An image that is smaller than the crop is in the middle of it. */
function drawOffset(random: Random, length: number, scaled: number, crop: number, place?: number): number {
  const last = scaled - crop
  if (last <= 0) return -Math.floor(-last / 2)
  if (place === undefined) return randomInteger(random, 0, last)
  const at = Math.min(scaled - 1, Math.floor(((place + 0.5) * scaled) / length))
  return Math.min(last, Math.max(0, randomInteger(random, at - crop + 1, at)))
}

function drawColors(
  random: Random,
  { probability, brightness, contrast, saturation, hue }: Required<ColorJitterOptions>,
): readonly ColorChange[] {
  if (random() >= probability) return []
  const changes: ColorChange[] = []
  const add = (kind: ColorChange['kind'], middle: number, most: number) => {
    if (most > 0) changes.push({ kind, amount: uniform(random, [middle - most, middle + most]) })
  }
  add('brightness', 1, brightness)
  add('contrast', 1, contrast)
  add('saturation', 1, saturation)
  add('hue', 0, hue)
  shuffle(changes, random)
  return changes
}

/** @throws InverseFormError `size-mismatch` for an image that is smaller than the crop */
export function checkCoversCrop(name: string, { width, height }: Size, crop: Size): void {
  if (width >= crop.width && height >= crop.height) return
  throw new InverseFormError(
    'size-mismatch',
    `${name} has ${height}x${width} pixels, which is smaller than the crop of ${crop.height}x${crop.width} (height x width).`,
    {
      hint: `Use a crop of at most ${Math.min(height, crop.height)}x${Math.min(width, crop.width)}, or allow padding: ignored pixels then surround small images.`,
      details: { name, width, height, crop },
    },
  )
}
