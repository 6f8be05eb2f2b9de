import type { FeatureMap } from '../../src/maps/rows.js'
import { type Plane, plane } from './naive.js'

export function mapOf(
  width: number,
  height: number,
  channels: number,
  value: (y: number, x: number, c: number) => number,
): FeatureMap {
  const data = new Float32Array(width * height * channels)
  data.forEach((_, i) => {
    const pixel = Math.floor(i / channels)
    data[i] = value(Math.floor(pixel / width), pixel % width, i % channels)
  })
  return { data, width, height, channels }
}

/** Returns the channels of a map as planes. */
export function planesOf({ data, width, height, channels }: FeatureMap): Plane[] {
  return Array.from({ length: channels }, (_, c) =>
    plane(
      Float32Array.from({ length: width * height }, (_, i) => data[i * channels + c]),
      width,
      height,
    ),
  )
}

export type MapKind = 'random' | 'smooth' | 'tied' | 'constant'
export const mapKinds: readonly MapKind[] = ['random', 'smooth', 'tied', 'constant']

export function mapOfKind(
  kind: MapKind,
  random: () => number,
  width: number,
  height: number,
  channels: number,
) {
  const phases = Array.from({ length: channels }, () => 6 * random())
  const level = random()
  return mapOf(width, height, channels, (y, x, c) => {
    if (kind === 'random') return 8 * random() - 4
    if (kind === 'smooth') return 3 * Math.sin(phases[c] + x / 4 + c) * Math.cos(phases[c] - y / 3)
    // With few different integers, several classes are often the largest.
    if (kind === 'tied') return Math.floor(3 * random())
    return level
  })
}
