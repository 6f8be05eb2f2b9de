import { along, type Point, upright } from '../camera.js'
import { type Color, near, scaled } from '../color.js'
import type { Dice } from '../dice.js'
import type { Drawing } from '../drawing.js'
import type { Plot } from './buildings.js'

const stones: readonly Color[] = [
  [150, 142, 130],
  [120, 115, 110],
  [140, 95, 78],
  [165, 155, 140],
  [110, 112, 108],
  [128, 110, 95],
]

export interface BarrierStyle {
  readonly high: number
  readonly color: Color
  readonly kind: number
}

export const wallStyle = (dice: Dice): BarrierStyle => ({
  high: dice.chance(0.3) ? dice.between(2.8, 4.5) : dice.between(1.1, 2.6),
  color: near(dice, dice.pick(stones), 16),
  kind: dice.integer(0, 3),
})

/** A piece of wall along the street: of bricks, of slabs, of rubble, or plastered. */
export function drawWall(
  drawing: Drawing,
  dice: Dice,
  plot: Plot,
  { high, color, kind }: BarrierStyle,
): void {
  const { side, edge, from, to } = plot
  const x = side * edge
  const wall = drawing.object('wall', Math.max(2, (from + to) / 2), { amount: 0.07, grain: 0.25 })
  const lit = wall.lit(color, [-side, 0, 0])
  const back = side * (edge + 0.35)
  wall.face(
    [
      [x, 0, from],
      [x, high, from],
      [back, high, from],
      [back, 0, from],
    ],
    wall.lit(color, [0, 0, -1]),
  )
  wall.face(upright(x, 0, high, from, to), lit, { bottom: scaled(lit, 0.72) })
  const joints: Point[][] = []
  const other: Point[][] = []
  if (kind === 0 || kind === 2) {
    const course = kind === 0 ? 0.16 : 0.42
    for (let y = course, row = 0; y < high; y += course, row++) {
      joints.push(upright(x, y - 0.02, y + 0.015, from, to))
      for (let z = from + (row % 2) * course; z < to; z += kind === 0 ? course * 3 : dice.between(0.5, 1.1)) {
        if (kind === 2) joints.push(upright(x, y - course, y, z - 0.02, z + 0.02))
        if (dice.chance(0.3)) other.push(upright(x, y - course, y - 0.02, z, Math.min(to, z + course * 2)))
      }
    }
  } else if (kind === 1) {
    for (let z = from; z < to; z += 2) joints.push(upright(x, 0, high, z - 0.04, z + 0.04))
    joints.push(upright(x, high * 0.5, high * 0.52, from, to))
  } else if (dice.chance(0.6)) {
    // Paint and stains.
    const z = dice.between(from, to - 1)
    const paint = near(
      dice,
      dice.pick<Color>([
        [150, 60, 60],
        [70, 90, 150],
        [90, 130, 90],
        [60, 60, 60],
      ]),
      20,
    )
    wall.mark(
      upright(x, 0.3, high * dice.between(0.4, 0.8), z, Math.min(to, z + dice.between(1, 3))),
      paint,
      0.6,
    )
  }
  wall.marks(other, scaled(lit, dice.between(0.85, 1.15)), 0.6)
  wall.marks(joints, scaled(lit, 0.7), 0.7)
  wall.face(
    [...along(x - side * 0.08, high, from, to), ...along(back, high, to, from)],
    wall.lit(color, [0, 1, 0]),
  )
  wall.face(upright(x - side * 0.08, high - 0.15, high, from, to), scaled(lit, 1.1))
}

export const fenceStyle = (dice: Dice): BarrierStyle => ({
  high: dice.between(0.9, 2.1),
  color: near(
    dice,
    dice.pick<Color>([
      [70, 72, 72],
      [115, 88, 65],
      [150, 150, 148],
      [85, 105, 85],
      [125, 118, 110],
    ]),
    14,
  ),
  kind: dice.integer(0, 3),
})

/**
 * A piece of fence along the street: pickets, planks, bars or mesh. What lies behind shines through between its bars, and
 * is labeled as the fence, as in Cityscapes.
 */
export function drawFence(drawing: Drawing, plot: Plot, { high, color, kind }: BarrierStyle): void {
  const { side, edge, from, to } = plot
  const x = side * edge
  const fence = drawing.object('fence', Math.max(2, (from + to) / 2), { amount: 0.05, grain: 0.15 })
  const lit = fence.lit(color, [-side, 0.2, 0])
  const part = (low: number, top: number, a: number, b: number) => upright(x, low, top, a, b)
  if (kind === 0) {
    // Pickets with pointed tops.
    const outline: Point[] = [[x, 0, from]]
    const gaps: Point[][] = []
    for (let z = from; z < to; z += 0.3) {
      outline.push([x, high - 0.12, z], [x, high, z + 0.13], [x, high - 0.12, z + 0.26])
      gaps.push(part(0.1, high - 0.1, z + 0.24, z + 0.31))
    }
    fence.face([...outline, [x, 0, to]], lit, { bottom: scaled(lit, 0.8) })
    fence.marks(gaps, scaled(lit, 0.45), 0.8)
  } else if (kind === 1) {
    fence.face(part(0, high, from, to), lit, { bottom: scaled(lit, 0.75) })
    const joints: Point[][] = []
    for (let y = 0.2; y < high; y += 0.22) joints.push(part(y, y + 0.035, from, to))
    fence.marks(joints, scaled(lit, 0.5), 0.8)
  } else {
    fence.face(part(0, high, from, to), scaled(lit, 0.8), { opacity: kind === 2 ? 0.3 : 0.45 })
    const bars: Point[][] = []
    const spacing = kind === 2 ? 0.16 : 0.12
    for (let z = from; z < to; z += spacing) bars.push(part(0.05, high, z, z + spacing * 0.3))
    if (kind === 3) for (let y = 0.1; y < high; y += 0.15) bars.push(part(y, y + 0.035, from, to))
    fence.marks(bars, lit, 0.9)
  }
  fence.marks(
    [part(high * 0.82, high * 0.9, from, to), part(high * 0.12, high * 0.2, from, to)],
    scaled(lit, 0.85),
  )
  for (let z = from; z < to; z += 2.4) fence.face(part(0, high + 0.1, z, z + 0.12), scaled(lit, 0.7))
}

/** A fence across the view, such as around a building site. */
export function drawSiteFence(drawing: Drawing, dice: Dice, x: number, z: number, width: number): void {
  const fence = drawing.object('fence', z, { amount: 0.04, grain: 0.15 })
  const isBoard = dice.chance(0.5)
  const high = isBoard ? 1.05 : 2
  const at = (left: number, right: number, low: number, top: number): Point[] => [
    [left, low, z],
    [left, top, z],
    [right, top, z],
    [right, low, z],
  ]
  const steel = near(dice, [150, 152, 155], 20)
  if (isBoard) {
    for (const y of [0.15, 0.7]) {
      fence.face(at(x, x + width, y, y + 0.3), [215, 212, 205])
      const stripes: Point[][] = []
      for (let left = x; left < x + width - 0.3; left += 0.6) {
        stripes.push([
          [left, y, z],
          [left + 0.15, y + 0.3, z],
          [left + 0.45, y + 0.3, z],
          [left + 0.3, y, z],
        ])
      }
      fence.marks(stripes, near(dice, [190, 50, 45], 10))
    }
  } else {
    fence.face(at(x, x + width, 0.1, high), steel, { opacity: 0.35 })
    const bars: Point[][] = []
    for (let left = x; left < x + width; left += 0.14) bars.push(at(left, left + 0.04, 0.1, high))
    for (let y = 0.2; y < high; y += 0.3) bars.push(at(x, x + width, y, y + 0.035))
    fence.marks(bars, steel, 0.9)
  }
  for (let left = x; left <= x + width; left += width / 2) {
    fence.face(at(left - 0.04, left + 0.06, 0, high), scaled(steel, 0.8))
    fence.face(at(left - 0.3, left + 0.3, 0, 0.12), [80, 78, 76])
  }
}
