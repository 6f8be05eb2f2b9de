import type { Point } from './camera.js'
import type { Dice } from './dice.js'

/** An ellipse that faces the camera. */
export function disc([x, y, z]: Point, rx: number, ry = rx, corners = 16): Point[] {
  return Array.from({ length: corners }, (_, i): Point => {
    const angle = (2 * Math.PI * i) / corners
    return [x + rx * Math.cos(angle), y + ry * Math.sin(angle), z]
  })
}

/** An ellipse with an irregular outline, such as leaves have. */
export function lobe(dice: Dice, [x, y, z]: Point, rx: number, ry: number, roughness: number): Point[] {
  const corners = 22
  return Array.from({ length: corners }, (_, i): Point => {
    const angle = (2 * Math.PI * i) / corners
    const by = 1 + dice.between(-roughness, roughness)
    return [x + rx * by * Math.cos(angle), y + ry * by * Math.sin(angle), z]
  })
}

/** A limb that faces the camera: a line with round ends, of radius `ra` at `a` and `rb` at `b`. */
export function limb(a: Point, b: Point, ra: number, rb = ra): Point[] {
  const angle = Math.atan2(b[1] - a[1], b[0] - a[0])
  const end = ([x, y, z]: Point, radius: number, from: number) =>
    [0, 1, 2, 3, 4].map((i): Point => {
      const turn = from + (Math.PI * i) / 4
      return [x + radius * Math.cos(turn), y + radius * Math.sin(turn), z]
    })
  return [...end(b, rb, angle - Math.PI / 2), ...end(a, ra, angle + Math.PI / 2)]
}

/** A line without round ends, of a width in meters. */
export function bar(a: Point, b: Point, width: number): Point[] {
  const length = Math.hypot(b[0] - a[0], b[1] - a[1]) || 1
  const [dx, dy] = [(-(b[1] - a[1]) / length) * (width / 2), ((b[0] - a[0]) / length) * (width / 2)]
  return [
    [a[0] + dx, a[1] + dy, a[2]],
    [b[0] + dx, b[1] + dy, b[2]],
    [b[0] - dx, b[1] - dy, b[2]],
    [a[0] - dx, a[1] - dy, a[2]],
  ]
}

/** Where an object stands: its local axes are forward, up and to its right. */
export interface Pose {
  readonly x: number
  readonly z: number
  /** 0 looks away from the camera, π/2 to the right. */
  readonly yaw: number
}

/** The point `forward`, `up` and `right` meters from the pose's foot. */
export function at({ x, z, yaw }: Pose, forward: number, up: number, right = 0): Point {
  const [sin, cos] = [Math.sin(yaw), Math.cos(yaw)]
  return [x + forward * sin + right * cos, up, z + forward * cos - right * sin]
}
