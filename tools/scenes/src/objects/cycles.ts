import type { Point } from '../camera.js'
import { type Color, near, scaled } from '../color.js'
import type { Dice } from '../dice.js'
import type { Drawing, DrawnObject } from '../drawing.js'
import { at, disc, limb, type Pose } from '../shapes.js'

const paints: readonly Color[] = [
  [150, 45, 42],
  [45, 70, 135],
  [58, 58, 60],
  [60, 105, 75],
  [175, 170, 160],
  [165, 130, 55],
  [40, 42, 46],
]

/** Half the width of a wheel of radius `r` seen at this yaw. */
const seen = (pose: Pose, r: number, thickness: number) => r * Math.abs(Math.sin(pose.yaw)) + thickness / 2

/** A bicycle. The street shines through its wheels, which are labeled as filled, as in Cityscapes. */
export function drawBicycle(drawing: Drawing, dice: Dice, pose: Pose): void {
  const bicycle = drawing.object('bicycle', pose.z, { amount: 0.04, grain: 0.05 })
  const p = (forward: number, up: number, right = 0) => at(pose, forward, up, right)
  const paint = near(dice, dice.pick(paints), 14)
  const tire: Color = [38, 37, 36]
  const r = 0.35
  for (const hub of [p(-0.52, r), p(0.54, r)]) {
    const rx = seen(pose, r, 0.06)
    bicycle.face(disc(hub, rx, r, 24), [70, 70, 72], { opacity: 0.35 })
    bicycle.marks([ring(hub, rx, r, 0.045)], tire)
    const spokes = [0, 1, 2, 3, 4].map((i) => {
      const [dx, dy] = [rx * 0.9 * Math.cos(i * 0.63), r * 0.9 * Math.sin(i * 0.63)]
      return limb([hub[0] - dx, hub[1] - dy, hub[2]], [hub[0] + dx, hub[1] + dy, hub[2]], 0.006)
    })
    bicycle.marks(spokes, [150, 150, 150], 0.5)
  }
  const [rear, front, crank, seat, head] = [
    p(-0.52, r),
    p(0.54, r),
    p(-0.05, 0.3),
    p(-0.2, 0.86),
    p(0.36, 0.88),
  ]
  const tubes: readonly [Point, Point][] = [
    [rear, crank],
    [rear, seat],
    [crank, seat],
    [crank, head],
    [dice.chance(0.6) ? seat : crank, head],
    [head, front],
  ]
  for (const [a, b] of tubes) bicycle.face(limb(a, b, 0.028), paint)
  bicycle.face(limb(p(-0.32, 0.98), p(-0.06, 0.96), 0.045), tire)
  bicycle.face(limb(seat, p(-0.2, 0.96), 0.02), paint)
  bicycle.face(limb(head, p(0.36, 1.06), 0.022), paint)
  bicycle.face(limb(p(0.4, 1.08, -0.28), p(0.4, 1.08, 0.28), 0.03), tire)
  bicycle.face(limb(crank, p(0.02, 0.15, 0.1), 0.025), tire)
  bicycle.face(disc(crank, seen(pose, 0.1, 0.03), 0.1), scaled(paint, 0.5))
  if (dice.chance(0.3)) {
    const basket: Point[] = [
      p(0.45, 0.78, -0.17),
      p(0.45, 1.02, -0.2),
      p(0.75, 1.02, 0.2),
      p(0.72, 0.78, 0.17),
    ]
    bicycle.face(basket, near(dice, [110, 90, 65], 20))
  }
  for (const x of [-0.5, 0.5]) {
    bicycle.face(limb(p(x - 0.12, 0.71), p(x + 0.12, 0.71), 0.025), scaled(paint, 0.8))
  }
}

function ring([x, y, z]: Point, rx: number, ry: number, width: number): Point[] {
  const outer = disc([x, y, z], rx, ry, 24)
  const inner = disc([x, y, z], Math.max(0.01, rx - width), ry - width, 24).reverse()
  return [...outer, outer[0], inner[23], ...inner]
}

/** A motorcycle or a scooter. */
export function drawMotorcycle(drawing: Drawing, dice: Dice, pose: Pose): void {
  const motorcycle = drawing.object('motorcycle', pose.z, { amount: 0.04, grain: 0.08 })
  const p = (forward: number, up: number, right = 0) => at(pose, forward, up, right)
  const paint = near(dice, dice.pick(paints), 18)
  const dark = near(dice, [42, 42, 44], 8)
  const isScooter = dice.chance(0.4)
  const r = isScooter ? 0.25 : 0.33
  const [rear, front] = [p(-0.66, r), p(0.7, r)]
  const shape = (points: Point[], color: Color) =>
    motorcycle.face(points, color, { bottom: scaled(color, 0.7) })
  wheel(motorcycle, rear, seen(pose, r, 0.17), r)
  wheel(motorcycle, front, seen(pose, r, 0.15), r)
  const wide = 0.12 + 0.1 * Math.abs(Math.cos(pose.yaw))
  if (isScooter) {
    shape(limb(p(-0.55, 0.5), p(-0.2, 0.5), wide * 1.3, wide * 1.2), paint)
    shape(limb(p(-0.35, 0.26), p(0.4, 0.26), 0.08), scaled(paint, 0.7))
    shape(limb(p(0.42, 0.3), p(0.36, 0.95), wide * 1.1, wide * 0.8), paint)
    shape(limb(p(0.62, 0.5), p(0.72, 0.5), 0.09), paint)
  } else {
    shape(limb(p(-0.15, 0.42), p(0.2, 0.42), wide * 1.5, wide * 1.4), dark)
    shape(limb(p(0.36, 0.95), front, 0.05), [125, 126, 128])
    shape(limb(p(-0.02, 0.8), p(0.3, 0.86), wide * 1.05, wide * 1.15), paint)
    shape(limb(p(-0.6, 0.78), p(-0.2, 0.7), wide * 0.6, wide), scaled(paint, 0.85))
    shape(limb(p(-0.8, 0.4, 0.14), p(-0.1, 0.28, 0.14), 0.065, 0.05), [150, 150, 152])
    if (dice.chance(0.6)) shape(limb(p(0.42, 0.75), p(0.5, 1), wide * 1.2, wide * 0.9), paint)
  }
  shape(limb(p(-0.62, 0.86), p(-0.05, 0.82), 0.075, 0.07), dark)
  motorcycle.face(limb(p(0.34, 1.03, -0.36), p(0.34, 1.03, 0.36), 0.035), dark)
  for (const side of [-1, 1]) {
    const mirror = p(0.38, 1.16, side * 0.34)
    motorcycle.face(limb(p(0.36, 1.03, side * 0.26), mirror, 0.015), dark)
    motorcycle.face(disc(mirror, 0.07, 0.05, 10), dark)
  }
  // The lamp that the camera sees.
  const isFront = Math.cos(pose.yaw) < 0
  const lamp = isFront ? p(0.55, 0.9) : p(-0.82, 0.76)
  motorcycle.face(disc(lamp, 0.09, 0.08, 12), isFront ? [235, 230, 205] : [200, 40, 38])
}

function wheel(motorcycle: DrawnObject, hub: Point, rx: number, r: number): void {
  motorcycle.face(disc(hub, rx, r, 20), [36, 35, 35])
  motorcycle.mark(disc(hub, Math.max(0.02, rx - 0.1), r - 0.1, 16), [105, 106, 108], 0.8)
}
