import type { Dice } from './dice.js'

/** Red, green and blue, 0..255 (sRGB). */
export type Color = readonly [number, number, number]

export const scaled = ([r, g, b]: Color, by: number): Color => [r * by, g * by, b * by]

/** `share` of `b`, the rest of `a`. */
export const mixed = (a: Color, b: Color, share: number): Color => [
  a[0] + (b[0] - a[0]) * share,
  a[1] + (b[1] - a[1]) * share,
  a[2] + (b[2] - a[2]) * share,
]

/** A color near `base`: its brightness varies by `spread`, its hue by half of that. */
export function near(dice: Dice, base: Color, spread = 18): Color {
  const brightness = dice.between(-spread, spread)
  const one = (value: number) => value + brightness + dice.between(-spread, spread) / 2
  return [one(base[0]), one(base[1]), one(base[2])]
}

export function hex(color: Color): string {
  const [r, g, b] = color.map((value) => Math.max(0, Math.min(255, Math.round(value))))
  return `#${((r << 16) | (g << 8) | b).toString(16).padStart(6, '0')}`
}
