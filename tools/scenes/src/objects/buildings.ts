import { along, facing, type Point, strip, upright } from '../camera.js'
import { type Color, mixed, near, scaled } from '../color.js'
import type { Dice } from '../dice.js'
import type { Drawing } from '../drawing.js'

const plaster: readonly Color[] = [
  [150, 140, 125],
  [175, 165, 150],
  [120, 105, 95],
  [140, 90, 75],
  [105, 108, 112],
  [185, 170, 130],
  [95, 90, 92],
  [130, 140, 140],
  [165, 125, 95],
]
const roofs: readonly Color[] = [
  [110, 65, 52],
  [75, 72, 74],
  [95, 85, 80],
  [130, 80, 60],
]

/** A row of the street: on side -1 (left) or 1, its facade at |x| = `edge`. */
export interface Plot {
  readonly side: -1 | 1
  readonly edge: number
  readonly from: number
  readonly to: number
}

/** A block of flats or offices with windows in perspective. */
export function drawBlock(drawing: Drawing, dice: Dice, { side, edge, from, to }: Plot): void {
  const depth = (Math.max(from, 3) + to) / 2
  const building = drawing.object('building', depth, { amount: 0.05, grain: 0.5 })
  const color = near(dice, dice.pick(plaster), 16)
  const floors = dice.integer(2, 7)
  const floor = dice.between(2.8, 3.6)
  const high = floors * floor + dice.between(0.4, 1.2)
  const x = side * edge
  const back = side * (edge + dice.between(9, 14))
  const toStreet = building.lit(color, [-side, 0, 0])
  const toCamera = building.lit(color, [0, 0, -1])
  drawRoof(drawing, dice, building, { x, back, high, from, to, side })
  building.face(facing(x, back, 0, high, from), toCamera, { bottom: scaled(toCamera, 0.85) })
  building.face(upright(x, 0, high, from, to), toStreet, { bottom: scaled(toStreet, 0.82) })

  const isShop = dice.chance(0.5)
  const first = isShop ? 1 : 0
  const glass = near(
    dice,
    dice.pick<Color>([
      [60, 70, 82],
      [85, 95, 105],
      [45, 48, 55],
      [120, 135, 150],
    ]),
    12,
  )
  const columns = Math.max(1, Math.round((to - from) / dice.between(2, 3.4)))
  const [wide, tall] = [dice.between(0.35, 0.75), dice.between(0.42, 0.7)]
  const windows: Point[][] = []
  const frames: Point[][] = []
  const step = (to - from) / columns
  for (let j = first; j < floors; j++) {
    for (let i = 0; i < columns; i++) {
      const z = from + (i + 0.5) * step
      const low = j * floor + floor * 0.28
      const [half, top] = [(step * wide) / 2, low + floor * tall]
      frames.push(upright(x, low - 0.12, top + 0.12, z - half - 0.1, z + half + 0.1))
      windows.push(upright(x, low, top, z - half, z + half))
    }
  }
  const frame = dice.chance(0.5) ? scaled(toStreet, 1.2) : scaled(toStreet, 0.8)
  building.marks(frames, frame)
  building.marks(windows, glass)
  building.marks(
    windows.filter(() => dice.chance(0.3)),
    mixed(glass, [205, 200, 180], dice.between(0.2, 0.7)),
  )
  const gable: Point[][] = []
  for (let j = first; j < floors; j++) {
    for (let i = 0; i < 4; i++) {
      const left = x + side * (1 + i * 2.6)
      if (dice.chance(0.7)) {
        gable.push(facing(left, left + side * 1.2, j * floor + 0.9, j * floor + 0.9 + floor * tall, from))
      }
    }
  }
  building.marks(gable, scaled(glass, 0.9))
  for (let j = 1; j <= floors; j++) {
    if (dice.chance(0.5)) {
      building.mark(
        upright(x, j * floor - 0.12, j * floor, from, to),
        scaled(toStreet, dice.pick([0.75, 1.15])),
      )
    }
  }
  if (isShop) drawShops(dice, building, { x, floor, from, to, side })
}

interface Shops {
  readonly x: number
  readonly side: number
  readonly floor: number
  readonly from: number
  readonly to: number
}

function drawShops(dice: Dice, building: ReturnType<Drawing['object']>, shops: Shops): void {
  const { x, side, floor, from, to } = shops
  building.mark(upright(x, 0, floor * 0.95, from, to), near(dice, [80, 75, 72], 25))
  for (let z = from + 0.4; z < to - 1; ) {
    const end = Math.min(to - 0.3, z + dice.between(1.5, 4))
    const isDoor = dice.chance(0.25)
    const glass = near(dice, isDoor ? [60, 45, 38] : [90, 95, 100], 25)
    building.mark(upright(x, isDoor ? 0.05 : 0.5, floor * 0.72, z, end), glass)
    if (dice.chance(0.35)) {
      const cloth = near(
        dice,
        dice.pick<Color>([
          [150, 50, 45],
          [60, 95, 70],
          [190, 180, 160],
          [55, 70, 120],
        ]),
        15,
      )
      const low = along(x - side * 1.1, floor * 0.68, end, z)
      building.face([...along(x, floor * 0.85, z, end), ...low], building.lit(cloth, [-side, 1, 0]))
    } else if (dice.chance(0.5)) {
      const board = near(
        dice,
        dice.pick<Color>([
          [170, 60, 50],
          [70, 90, 140],
          [200, 190, 150],
          [60, 60, 60],
        ]),
        20,
      )
      building.mark(upright(x, floor * 0.76, floor * 0.92, z, end), board)
    }
    z = end + 0.3
  }
}

interface Roof {
  readonly x: number
  readonly back: number
  readonly side: number
  readonly high: number
  readonly from: number
  readonly to: number
}

function drawRoof(
  drawing: Drawing,
  dice: Dice,
  building: ReturnType<Drawing['object']>,
  { x, back, side, high, from, to }: Roof,
): void {
  const kind = dice.pick(['flat', 'pitched', 'pitched', 'curved', 'stepped'] as const)
  const color = near(dice, dice.pick(roofs), 12)
  const slope = building.lit(color, [-side, 0.8, 0])
  const end = building.lit(near(dice, [140, 125, 112], 20), [0, 0, -1])
  const middle = (x + back) / 2
  if (kind === 'pitched') {
    const ridge = high + dice.between(1.8, 4.5)
    building.face([...along(x - side * 0.4, high, from, to), ...along(middle, ridge, to, from)], slope)
    building.face(
      [
        [x, high, from],
        [middle, ridge, from],
        [back, high, from],
      ],
      end,
    )
    for (let i = dice.integer(0, 3); i > 0; i--) {
      const z = dice.between(from, to)
      building.face(
        facing(middle, middle - side * 0.8, ridge - 1, ridge + dice.between(0.5, 1.2), z),
        scaled(end, 0.8),
      )
    }
  } else if (kind === 'curved') {
    const rise = dice.between(1.5, 4)
    const arc = (share: number): [number, number] => [
      middle + (x - middle) * Math.cos((Math.PI * share) / 2),
      high + rise * Math.sin((Math.PI * share) / 2),
    ]
    for (const share of [0.75, 0.5, 0.25, 0]) {
      const [[xa, ya], [xb, yb]] = [arc(share), arc(share + 0.25)]
      building.face(
        [...along(xa, ya, from, to), ...along(xb, yb, to, from)],
        building.lit(color, [-side * (1 - share), 0.2 + share, 0]),
      )
    }
    const outline = Array.from({ length: 17 }, (_, i): Point => {
      const angle = (Math.PI * i) / 16
      return [middle + (x - middle) * Math.cos(angle), high + rise * Math.sin(angle), from]
    })
    building.face(outline, end)
  } else if (kind === 'stepped') {
    const inner = x + side * 2
    const top = high + dice.between(2.5, 3.5)
    building.face(facing(inner, back, high, top, from), end)
    building.face(upright(inner, high - 1, top, from, to), building.lit(color, [-side, 0, 0]))
  } else if (dice.chance(0.6)) {
    const z = dice.between(from, to)
    const antenna = drawing.light.haze
    building.face(facing(middle, middle + 0.25, high, high + dice.between(1, 3), z), scaled(antenna, 0.4))
    building.face(facing(middle + 1, middle + 4, high, high + dice.between(0.8, 1.8), z), scaled(end, 0.8))
  }
}

/** A house with a garden: its front may look at the street or at the camera. */
export function drawHouse(drawing: Drawing, dice: Dice, { side, edge, from, to }: Plot): void {
  const house = drawing.object('building', (Math.max(from, 3) + to) / 2, { amount: 0.05, grain: 0.3 })
  const color = near(dice, dice.pick(plaster), 20)
  const [x, back] = [side * edge, side * (edge + dice.between(8, 11))]
  const eaves = dice.between(2.7, 6)
  const ridge = eaves + dice.between(2, 4)
  const roof = near(dice, dice.pick(roofs), 14)
  const street = house.lit(color, [-side, 0, 0])
  const front = house.lit(color, [0, 0, -1])
  const middle = (x + back) / 2
  house.face([...along(middle, ridge, to, from), ...along(back, eaves, from, to)], scaled(roof, 0.6))
  house.face(
    [
      [x, 0, from],
      [x, eaves, from],
      [middle, ridge, from],
      [back, eaves, from],
      [back, 0, from],
    ],
    front,
  )
  house.face(upright(x, 0, eaves, from, to), street, { bottom: scaled(street, 0.85) })
  const over = 0.5
  house.face(
    [...along(x - side * over, eaves - 0.3, from - over, to), ...along(middle, ridge + 0.1, to, from - over)],
    house.lit(roof, [-side, 1, 0]),
  )
  if (dice.chance(0.6)) {
    const z = dice.between(from + 1, to - 1)
    house.face(facing(middle - 0.4, middle + 0.4, ridge - 1, ridge + 1, z), near(dice, [125, 85, 72], 15))
  }
  const glass = near(dice, [70, 78, 88], 15)
  const windows: Point[][] = []
  const floors = eaves > 4.6 ? 2 : 1
  for (let j = 0; j < floors; j++) {
    for (let z = from + 1; z < to - 1.6; z += 2.6) {
      windows.push(upright(x, j * 2.7 + 0.9, j * 2.7 + 2.1, z, z + 1.3))
    }
    for (let i = 0; i < 3; i++) {
      const left = x + side * (1.2 + i * 2.6)
      windows.push(facing(left, left + side * 1.2, j * 2.7 + 0.9, j * 2.7 + 2.1, from))
    }
  }
  house.marks(windows, glass)
  house.mark(facing(middle - 0.5, middle + 0.5, eaves + 0.2, eaves + 1.2, from), glass)
}

/** A block across the end of the street. */
export function drawEnd(drawing: Drawing, dice: Dice, z: number): void {
  for (let x = -60; x < 60; ) {
    const right = x + dice.between(10, 24)
    const building = drawing.object('building', z, { amount: 0.05, grain: 0.6 })
    const color = building.lit(near(dice, dice.pick(plaster), 18), [0, 0, -1])
    const high = dice.between(7, 24)
    const roof = near(dice, dice.pick(roofs), 14)
    const kind = dice.integer(0, 2)
    const middle = (x + right) / 2
    if (kind === 0) {
      building.face(
        [
          [x, high, z],
          [x + 1.5, high + 3, z],
          [right - 1.5, high + 3, z],
          [right, high, z],
        ],
        roof,
      )
    } else if (kind === 1) {
      building.face(
        [
          [x, high, z],
          [middle, high + dice.between(2, 6), z],
          [right, high, z],
        ],
        scaled(color, 0.9),
      )
    }
    building.face(facing(x, right, 0, high, z), color, { bottom: scaled(color, 0.85) })
    const windows: Point[][] = []
    for (let y = 0.9; y < high - 1.5; y += 3.1) {
      for (let left = x + 0.8; left < right - 1.2; left += 2.4) {
        windows.push(facing(left, left + 1.2, y, y + 1.6, z))
      }
    }
    building.marks(windows, near(dice, [75, 80, 90], 20))
    x = right
  }
}

/** The shadow of a row of buildings on the street. */
export const rowShadow = ({ side, edge, from, to }: Plot, reach: number): Point[] =>
  strip(side * edge, side * (edge - reach), from, to)
