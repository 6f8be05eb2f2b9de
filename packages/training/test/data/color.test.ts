import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { type ColorChange, changeColors } from '../../src/data/color.js'
import { noiseImage } from './support.js'

interface Fixture {
  readonly pixels: readonly number[]
  readonly changes: readonly (ColorChange & { readonly pixels: readonly number[] })[]
}
const path = new URL('fixtures/pillow-colors.json', import.meta.url)
const recorded: Fixture = JSON.parse(readFileSync(path, 'utf8'))

it.each(recorded.changes)('changes $kind by $amount as Pillow does', ({ pixels, ...change }) => {
  const changed = Uint8Array.from(recorded.pixels)
  changeColors(changed, [change])
  expect([...changed]).toEqual(pixels)
})

it.each([-0.25, -0.1, 0.07, 0.25, 0.5])('turns hue by %f of the circle', (turn) => {
  const { data } = noiseImage(16, 16)
  const turned = Uint8Array.from(data)
  changeColors(turned, [{ kind: 'hue', amount: turn }])
  for (let i = 0; i < data.length; i += 3) {
    const [hue, saturation, value] = toHsv(data[i], data[i + 1], data[i + 2])
    toRgb((hue + turn + 1) % 1, saturation, value).forEach((expected, c) => {
      expect(Math.abs(turned[i + c] - expected)).toBeLessThanOrEqual(0.5 + 1e-6)
    })
  }
})

it('applies changes one after the other', () => {
  const [together, apart] = [Uint8Array.from(recorded.pixels), Uint8Array.from(recorded.pixels)]
  const changes = [
    { kind: 'hue', amount: 0.2 },
    { kind: 'contrast', amount: 0.8 },
    { kind: 'brightness', amount: 1.2 },
  ] as const
  changeColors(together, changes)
  for (const change of changes) changeColors(apart, [change])
  expect(together).toEqual(apart)
})

/** As Python's `colorsys.rgb_to_hsv`. */
function toHsv(red: number, green: number, blue: number): [number, number, number] {
  const [most, least] = [Math.max(red, green, blue), Math.min(red, green, blue)]
  if (most === least) return [0, 0, most]
  const [r, g, b] = [red, green, blue].map((value) => (most - value) / (most - least))
  const hue = red === most ? b - g : green === most ? 2 + r - b : 4 + g - r
  return [(hue / 6 + 1) % 1, (most - least) / most, most]
}

/** As Python's `colorsys.hsv_to_rgb`. */
function toRgb(hue: number, saturation: number, value: number): number[] {
  const sixth = Math.floor(hue * 6)
  const rest = hue * 6 - sixth
  const p = value * (1 - saturation)
  const q = value * (1 - saturation * rest)
  const t = value * (1 - saturation * (1 - rest))
  return [
    [value, t, p],
    [q, value, p],
    [p, value, t],
    [p, q, value],
    [t, p, value],
    [value, p, q],
  ][sixth % 6]
}
