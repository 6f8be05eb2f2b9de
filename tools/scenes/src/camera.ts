import type { Dice } from './dice.js'

/** Meters: to the right, up from the ground, ahead. The camera stands at x = z = 0. */
export type Point = readonly [x: number, y: number, z: number]
/** Pixels: from the left edge, from the top edge. */
export type Pixel = readonly [x: number, y: number]

/** Points nearer than this, in meters, are clipped. */
const NEAR = 0.4

/** A pinhole camera in a car. */
export interface Camera {
  readonly width: number
  readonly height: number
  /** Pixels per meter at a distance of one meter. */
  readonly focal: number
  /** Height above the ground, in meters. */
  readonly eye: number
  /** The vanishing point of a straight road. */
  readonly center: Pixel
  /** The street is displaced by bend · z² meters. */
  readonly bend: number
  /** Rotation of the picture, in radians. */
  readonly roll: number
}

export function createCamera(dice: Dice, width: number, height: number): Camera {
  return {
    width,
    height,
    focal: dice.between(0.72, 1.02) * Math.min(width, 2 * height),
    eye: dice.between(1.2, 1.9),
    center: [width * dice.between(0.38, 0.62), height * dice.between(0.38, 0.5)],
    bend: dice.chance(0.5) ? dice.between(-1, 1) / 1000 : 0,
    roll: dice.between(-0.02, 0.02),
  }
}

function project(camera: Camera, [x, y, z]: Point): Pixel {
  const scale = camera.focal / z
  const across = (x + camera.bend * z * z) * scale
  const down = (camera.eye - y) * scale
  const [sin, cos] = [Math.sin(camera.roll), Math.cos(camera.roll)]
  return [camera.center[0] + across * cos - down * sin, camera.center[1] + across * sin + down * cos]
}

/** The picture of a polygon; empty when it is behind the camera. */
export function projectPolygon(camera: Camera, points: readonly Point[]): Pixel[] {
  if (points.every(([, , z]) => z >= NEAR)) return points.map((point) => project(camera, point))
  const pixels: Pixel[] = []
  points.forEach((b, i) => {
    const a = points[(i || points.length) - 1]
    if (a[2] >= NEAR !== b[2] >= NEAR) {
      const t = (NEAR - a[2]) / (b[2] - a[2])
      pixels.push(project(camera, [a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t, NEAR]))
    }
    if (b[2] >= NEAR) pixels.push(project(camera, b))
  })
  return pixels
}

/** Points of a line from (x, y, from) to (x, y, to), close enough to follow a bend. */
export function along(x: number, y: number, from: number, to: number): Point[] {
  const count = Math.max(1, Math.ceil(Math.abs(to - from) / 6))
  return Array.from({ length: count + 1 }, (_, i): Point => [x, y, from + ((to - from) * i) / count])
}

/** A vertical wall in the direction of the street, from `low` to `high` meters. */
export const upright = (x: number, low: number, high: number, from: number, to: number): Point[] => [
  ...along(x, low, from, to),
  ...along(x, high, to, from),
]

/** A strip of ground in the direction of the street. */
export const strip = (left: number, right: number, from: number, to: number, y = 0): Point[] => [
  ...along(left, y, from, to),
  ...along(right, y, to, from),
]

/** A rectangle that faces the camera. */
export const facing = (left: number, right: number, low: number, high: number, z: number): Point[] => [
  [left, low, z],
  [left, high, z],
  [right, high, z],
  [right, low, z],
]
