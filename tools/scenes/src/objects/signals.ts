import { facing, type Point } from '../camera.js'
import { type Color, near, scaled } from '../color.js'
import type { Dice } from '../dice.js'
import type { Drawing, DrawnObject } from '../drawing.js'
import { bar, disc, limb } from '../shapes.js'

const steel: readonly Color[] = [
  [98, 100, 100],
  [125, 126, 124],
  [70, 76, 72],
  [88, 84, 80],
]

function drawPost(
  drawing: Drawing,
  dice: Dice,
  x: number,
  z: number,
  high: number,
  width: number,
): DrawnObject {
  const pole = drawing.object('pole', z, { amount: 0.03, grain: 0.2 })
  const color = near(dice, dice.pick(steel), 14)
  pole.face(facing(x - width / 2, x + width / 2, 0, high, z), color)
  pole.mark(facing(x, x + width / 2, 0, high, z), scaled(color, 0.72))
  return pole
}

/** A street lamp, its arm over the street. */
export function drawLamp(drawing: Drawing, dice: Dice, x: number, z: number): void {
  const high = dice.between(4.5, 8.5)
  const width = dice.between(0.12, 0.22)
  const pole = drawPost(drawing, dice, x, z, high, width)
  const reach = -Math.sign(x) * dice.between(0.8, 2.2)
  const color = near(dice, [92, 94, 94], 12)
  const middle: Point = [x + reach * 0.35, high + 0.55, z]
  const end: Point = [x + reach, high + 0.65, z]
  pole.face(limb([x, high, z], middle, width * 0.4), color)
  pole.face(limb(middle, end, width * 0.35), color)
  pole.face(limb([end[0] - 0.3, end[1], z], [end[0] + 0.3, end[1], z], 0.1), scaled(color, 0.8))
}

/** A bollard, or a plain post such as for wires. */
export function drawPlainPole(drawing: Drawing, dice: Dice, x: number, z: number): void {
  if (dice.chance(0.4)) drawPost(drawing, dice, x, z, dice.between(0.8, 1.1), dice.between(0.14, 0.22))
  else drawPost(drawing, dice, x, z, dice.between(5, 9), dice.between(0.16, 0.3))
}

const lamps: readonly Color[] = [
  [235, 60, 48],
  [240, 180, 60],
  [70, 220, 130],
]

function drawLights(drawing: Drawing, dice: Dice, x: number, y: number, z: number): void {
  const light = drawing.object('traffic light', z, { amount: 0.03, grain: 0.1 })
  const color = near(
    dice,
    dice.pick<Color>([
      [34, 37, 36],
      [48, 62, 52],
      [58, 58, 60],
    ]),
    8,
  )
  const size = dice.between(0.36, 0.5)
  const high = size * 2.9
  if (dice.chance(0.35)) {
    light.face(facing(x - size * 0.8, x + size * 0.8, y - 0.15, y + high + 0.15, z), [28, 30, 30])
  }
  light.face(facing(x - size / 2, x + size / 2, y, y + high, z), color, { bottom: scaled(color, 0.8) })
  light.face(disc([x, y + high, z], size / 2, size * 0.25), color)
  const on = dice.integer(0, 2)
  lamps.forEach((lamp, i) => {
    const center: Point = [x, y + high - size * (0.5 + i * 0.95), z]
    light.mark(disc(center, size * 0.36), i === on ? lamp : scaled(lamp, 0.22))
    if (i === on) light.mark(disc(center, size * 0.18), [255, 240, 225], 0.7)
    light.face(
      bar(
        [x - size * 0.42, center[1] + size * 0.4, z],
        [x + size * 0.42, center[1] + size * 0.4, z],
        size * 0.12,
      ),
      scaled(color, 0.7),
    )
  })
}

/** Traffic lights at a post, and now and then on an arm over the street. */
export function drawTrafficLight(drawing: Drawing, dice: Dice, x: number, z: number): void {
  const high = dice.between(2.9, 3.6)
  if (dice.chance(0.4)) {
    const pole = drawPost(drawing, dice, x, z, 5.7, 0.18)
    const end = x - Math.sign(x) * dice.between(2.5, 4.5)
    pole.face(bar([x, 5.6, z], [end, 5.75, z], 0.13), near(dice, [96, 98, 98], 10))
    drawLights(drawing, dice, end, 4.7, z - 0.1)
  } else {
    drawPost(drawing, dice, x, z, high, 0.15)
  }
  drawLights(drawing, dice, x, high - 1.2, z - 0.1)
}

const white: Color = [225, 224, 220]
const red: Color = [190, 38, 42]

function drawPlate(drawing: Drawing, dice: Dice, x: number, y: number, z: number): void {
  const sign = drawing.object('traffic sign', z, { amount: 0.03, grain: 0.15 })
  const r = dice.between(0.36, 0.6)
  const center: Point = [x, y, z]
  const kind = dice.integer(0, 7)
  const ink: Color = [45, 45, 48]
  const corners = (count: number, turn: number, radius: number) =>
    Array.from({ length: count }, (_, i): Point => {
      const angle = turn + (2 * Math.PI * i) / count
      return [x + radius * Math.cos(angle), y + radius * Math.sin(angle), z]
    })
  if (kind === 0) {
    // Speed limit.
    sign.face(disc(center, r, r, 24), near(dice, red, 12))
    sign.mark(disc(center, r * 0.78, r * 0.78, 24), white)
    sign.marks(
      [-0.3, 0.3].map((dx) => disc([x + dx * r, y, z], r * 0.2, r * 0.34)),
      ink,
    )
  } else if (kind === 1) {
    sign.face(disc(center, r, r, 24), near(dice, [40, 78, 160], 14))
    sign.mark(bar([x, y - r * 0.6, z], [x, y + r * 0.5, z], r * 0.25), white)
    sign.mark(
      [
        [x - r * 0.35, y + r * 0.2, z],
        [x, y + r * 0.7, z],
        [x + r * 0.35, y + r * 0.2, z],
      ],
      white,
    )
  } else if (kind === 2) {
    const turn = dice.pick([Math.PI / 2, -Math.PI / 2])
    sign.face(corners(3, turn, r * 1.15), near(dice, red, 12))
    sign.mark(corners(3, turn, r * 0.75), white)
    sign.mark(bar([x, y - r * 0.2, z], [x, y + r * 0.3, z], r * 0.16), ink)
  } else if (kind === 3) {
    sign.face(corners(8, Math.PI / 8, r), near(dice, red, 12))
    sign.mark(bar([x - r * 0.65, y, z], [x + r * 0.65, y, z], r * 0.38), white, 0.9)
  } else if (kind === 4) {
    sign.face(corners(4, 0, r), white)
    sign.mark(corners(4, 0, r * 0.72), near(dice, [230, 185, 40], 12))
  } else if (kind === 5) {
    sign.face(disc(center, r, r, 24), near(dice, red, 12))
    sign.mark(bar([x - r * 0.7, y, z], [x + r * 0.7, y, z], r * 0.36), white)
  } else if (kind === 6) {
    sign.face(
      facing(x - r * 0.85, x + r * 0.85, y - r * 0.85, y + r * 0.85, z),
      near(dice, [42, 84, 165], 14),
    )
    sign.mark(facing(x - r * 0.4, x + r * 0.4, y - r * 0.6, y + r * 0.5, z), white, 0.9)
  } else {
    // The back of a sign for the other direction.
    const gray = near(dice, [128, 130, 132], 14)
    sign.face(dice.chance(0.5) ? disc(center, r, r, 24) : corners(3, Math.PI / 2, r * 1.15), gray, {
      bottom: scaled(gray, 0.8),
    })
  }
}

/** A post with one or two traffic signs. */
export function drawSign(drawing: Drawing, dice: Dice, x: number, z: number): void {
  const high = dice.between(2.3, 3.1)
  drawPost(drawing, dice, x, z, high, dice.between(0.08, 0.12))
  drawPlate(drawing, dice, x, high - 0.4, z - 0.1)
  if (dice.chance(0.4)) drawPlate(drawing, dice, x, high - 1.5, z - 0.1)
}

/** A board with directions on two posts, beside the street or above it. */
export function drawBoard(drawing: Drawing, dice: Dice, x: number, z: number): void {
  const isAbove = dice.chance(0.45)
  const [wide, high] = [dice.between(1.8, 3.4), dice.between(1.2, 2)]
  const low = isAbove ? dice.between(4.6, 5.4) : dice.between(1.2, 2)
  const inner = isAbove ? x - Math.sign(x) * dice.between(3.5, 6) : x
  if (isAbove) {
    const pole = drawPost(drawing, dice, x, z, low + high, 0.26)
    pole.face(
      bar([x, low + high * 0.7, z], [inner, low + high * 0.7, z], 0.2),
      near(dice, [110, 112, 112], 12),
    )
  } else {
    for (const dx of [-0.35, 0.35]) drawPost(drawing, dice, x + dx * wide, z, low + high, 0.12)
  }
  const sign = drawing.object('traffic sign', z, { amount: 0.03, grain: 0.3 })
  const color = near(
    dice,
    dice.pick<Color>([
      [38, 72, 150],
      [32, 98, 70],
      [215, 170, 50],
      [205, 205, 200],
    ]),
    14,
  )
  const ink: Color = color[0] > 150 ? [50, 50, 52] : [218, 220, 220]
  const [left, right] = [inner - wide / 2, inner + wide / 2]
  sign.face(facing(left, right, low, low + high, z - 0.1), color, { bottom: scaled(color, 0.88) })
  const lines: Point[][] = []
  for (let y = low + 0.25; y < low + high - 0.3; y += 0.42) {
    lines.push(facing(left + 0.5, left + 0.5 + dice.between(0.4, 0.9) * (wide - 0.8), y, y + 0.2, z - 0.1))
    lines.push([
      [left + 0.15, y, z],
      [left + 0.28, y + 0.24, z],
      [left + 0.41, y, z],
    ])
  }
  sign.marks(lines, ink, 0.9)
}

/** A bin, a box or a planter: void, "static" in Cityscapes. */
export function drawStatic(drawing: Drawing, dice: Dice, x: number, z: number): void {
  const thing = drawing.object('static', z, { amount: 0.04, grain: 0.2 })
  const color = near(
    dice,
    dice.pick<Color>([
      [60, 78, 66],
      [125, 120, 112],
      [88, 70, 58],
      [150, 140, 60],
    ]),
    15,
  )
  const [half, high] = [dice.between(0.22, 0.5), dice.between(0.7, 1.4)]
  thing.face(
    [
      [x - half * 0.85, 0, z],
      [x - half, high, z],
      [x + half, high, z],
      [x + half * 0.85, 0, z],
    ],
    color,
    {
      bottom: scaled(color, 0.7),
    },
  )
  thing.face(disc([x, high, z], half, 0.08), scaled(color, 0.8))
}
