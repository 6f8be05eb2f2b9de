import { along, type Point, upright } from '../camera.js'
import { type Color, near, scaled } from '../color.js'
import type { Dice } from '../dice.js'
import type { Drawing } from '../drawing.js'
import { lobe } from '../shapes.js'
import type { Plot } from './buildings.js'

const leaves: readonly Color[] = [
  [62, 88, 48],
  [75, 98, 50],
  [52, 76, 50],
  [95, 105, 55],
  [105, 92, 48],
  [48, 70, 42],
]

/** A tree with a lobed crown, or a conifer. Its trunk is vegetation too, as in Cityscapes. */
export function drawTree(drawing: Drawing, dice: Dice, x: number, z: number): void {
  const tree = drawing.object('vegetation', z, { amount: 0.16, grain: 0.3 })
  const color = near(dice, dice.pick(leaves), 12)
  const high = dice.between(3.5, 9)
  const bark = near(dice, [82, 66, 54], 12)
  const trunk = dice.between(0.1, 0.22)
  const lean = dice.between(-0.3, 0.3)
  if (dice.chance(0.2)) {
    tree.face(
      [
        [x - trunk, 0, z],
        [x - trunk, 1.2, z],
        [x + trunk, 1.2, z],
        [x + trunk, 0, z],
      ],
      bark,
    )
    const layers = dice.integer(4, 7)
    const wide = high * dice.between(0.2, 0.3)
    for (let i = 0; i < layers; i++) {
      const low = 0.7 + ((high - 0.7) * i) / layers
      const half = wide * (1 - (i / layers) * 0.85)
      const edge: Point[] = [[x, Math.min(high, low + (high / layers) * 1.9), z]]
      for (let k = 0; k <= 8; k++) {
        edge.push([x + half * (1 - k / 4), low + (k % 2) * 0.2 + dice.between(-0.1, 0.1), z])
      }
      tree.face(edge, scaled(color, 0.7 + (0.3 * i) / layers), { bottom: scaled(color, 0.5) })
    }
    return
  }
  const crown = high * dice.between(0.26, 0.4)
  const top = x + lean
  const middle = high - crown
  tree.face(
    [
      [x - trunk, 0, z],
      [top - trunk * 0.6, middle, z],
      [top + trunk * 0.6, middle, z],
      [x + trunk, 0, z],
    ],
    bark,
  )
  for (let i = 0; i < 3; i++) {
    const end = top + dice.between(-0.7, 0.7) * crown
    tree.face(
      [
        [top - 0.06, middle - crown * 0.7, z],
        [end, middle, z],
        [top + 0.06, middle - crown * 0.5, z],
      ],
      bark,
    )
  }
  const lobes = dice.integer(8, 14)
  for (let i = 0; i < lobes; i++) {
    const angle = dice.between(0, 2 * Math.PI)
    // From the back and the bottom to the front and the top.
    const out = i < lobes / 2 ? dice.between(0.45, 0.8) : dice.between(0, 0.5)
    const center: Point = [
      top + crown * out * Math.cos(angle),
      middle + crown * 0.8 * out * Math.sin(angle),
      z,
    ]
    const shade = 0.72 + 0.3 * ((center[1] - middle) / crown) + dice.between(0, 0.25)
    const radius = crown * dice.between(0.3, 0.52)
    const outline = lobe(dice, center, radius, radius * dice.between(0.75, 1), 0.13)
    tree.face(outline, scaled(color, shade * 1.12), { bottom: scaled(color, shade * 0.72) })
  }
  const dabs: Point[][] = []
  for (let i = 0; i < 40; i++) {
    const [angle, out] = [dice.between(0, 2 * Math.PI), Math.sqrt(dice.between(0, 0.8))]
    const center: Point = [
      top + crown * out * Math.cos(angle),
      middle + crown * 0.8 * out * Math.sin(angle),
      z,
    ]
    dabs.push(
      lobe(dice, center, dice.between(0.08, 0.25), dice.between(0.06, 0.18), 0.3).filter(
        (_, k) => k % 3 === 0,
      ),
    )
  }
  tree.marks(dabs.slice(0, 22), scaled(color, 0.45), 0.55)
  tree.marks(dabs.slice(22), scaled(color, 1.45), 0.4)
}

/** A bush of a few lobes. */
export function drawBush(drawing: Drawing, dice: Dice, x: number, z: number): void {
  const bush = drawing.object('vegetation', z, { amount: 0.16, grain: 0.2 })
  const color = near(dice, dice.pick(leaves), 14)
  const size = dice.between(0.5, 1.4)
  for (let i = 0; i < 5; i++) {
    const radius = size * dice.between(0.4, 0.7)
    const center: Point = [x + dice.between(-0.8, 0.8) * size, radius * dice.between(0.5, 1.1), z]
    const outline = lobe(dice, center, radius, radius * 0.9, 0.12).map(
      ([a, b, c]): Point => [a, Math.max(0, b), c],
    )
    bush.face(outline, scaled(color, dice.between(0.9, 1.2)), { bottom: scaled(color, 0.6) })
  }
}

/** A piece of hedge along the street. */
export function drawHedge(drawing: Drawing, dice: Dice, { side, edge, from, to }: Plot, high: number): void {
  const hedge = drawing.object('vegetation', Math.max(2, (from + to) / 2), { amount: 0.15, grain: 0.2 })
  const color = near(dice, [60, 84, 46], 8)
  const x = side * edge
  const rough = (points: readonly Point[]) =>
    points.map(([a, b, c]): Point => [a, b + dice.between(-0.08, 0.08), c])
  const count = Math.max(1, Math.round((to - from) / 0.4))
  const top = rough(
    Array.from({ length: count + 1 }, (_, i): Point => [x, high, to + ((from - to) * i) / count]),
  )
  const lit = hedge.lit(color, [-side, 0.2, 0])
  hedge.face(
    [...rough(along(x, high, from, to)), ...along(x + side * 0.9, high + 0.05, to, from)],
    scaled(color, 1.1),
  )
  hedge.face(
    [
      [x, 0, from],
      [x, high, from],
      [x + side * 0.9, high, from],
      [x + side * 0.9, 0, from],
    ],
    scaled(color, 0.8),
  )
  hedge.face([...along(x, 0, from, to), ...top], lit, { bottom: scaled(lit, 0.6) })
  hedge.mark(upright(x, 0, 0.2, from, to), scaled(color, 0.4), 0.5)
}

/** Far woods: an irregular band above the horizon. */
export function drawWoods(drawing: Drawing, dice: Dice, z: number, high: number): void {
  const woods = drawing.object('vegetation', z, { amount: 0.12, grain: 1.2 })
  const color = near(dice, dice.pick(leaves), 10)
  for (let x = -1.2 * z; x < 1.2 * z; ) {
    const radius = high * dice.between(0.35, 0.75)
    const center: Point = [x, high * dice.between(0.2, 0.55), z]
    woods.face(lobe(dice, center, radius * 1.3, radius, 0.12), scaled(color, dice.between(0.8, 1.15)), {
      bottom: scaled(color, 0.6),
    })
    x += radius * dice.between(0.7, 1.6)
  }
}
