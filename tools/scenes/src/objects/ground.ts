import { type Pixel, type Point, strip } from '../camera.js'
import { type Color, mixed, near, scaled } from '../color.js'
import type { Dice } from '../dice.js'
import type { Drawing } from '../drawing.js'
import { lobe } from '../shapes.js'

/** How far the street reaches, in meters. */
export const FAR = 190

/** The street from left to right, in meters: positions of edges seen from the camera. */
export interface Street {
  readonly left: number
  readonly right: number
  /** Outer edges of the sidewalks. */
  readonly walkLeft: number
  readonly walkRight: number
  /** Whether grass lies between the road and the sidewalk, on either side. */
  readonly hasVerge: boolean
  /** Where another street crosses, if any: its near and its far edge. */
  readonly crossing?: readonly [number, number]
}

/** The sky with clouds, over the whole picture. */
export function drawSky(drawing: Drawing, dice: Dice): void {
  const { width, height, center } = drawing.camera
  const sky = drawing.object('sky', 0.1, { amount: 0.012, grain: 0.2 })
  const top = near(
    dice,
    dice.pick<Color>([
      [120, 160, 215],
      [165, 180, 200],
      [190, 195, 200],
      [145, 150, 160],
      [205, 190, 175],
    ]),
    16,
  )
  const low = mixed(top, drawing.light.haze, 0.75)
  const box = (bottom: number): Pixel[] => [
    [-9, -9],
    [width + 9, -9],
    [width + 9, bottom],
    [-9, bottom],
  ]
  sky.pixels(box(height + 9), low)
  sky.pixels(box(center[1] + 0.05 * height), top, { bottom: low })
  for (let i = dice.integer(0, 9); i > 0; i--) {
    const [x, y] = [dice.between(0, width), dice.between(0, center[1] * 0.8)]
    const [rx, ry] = [dice.between(0.06, 0.25) * width, dice.between(0.01, 0.06) * height]
    const white = mixed(low, [246, 246, 246], dice.between(0.2, 0.8))
    for (let k = 0; k < 5; k++) {
      const share = 1 - k * 0.17
      const cloud = lobe(dice, [x + dice.between(-0.4, 0.4) * rx, y, 1], rx * share, ry * share, 0.1)
      sky.pixels(
        cloud.map(([a, b]): Pixel => [a, b]),
        white,
        { opacity: 0.14 },
      )
    }
  }
}

/** Terrain, sidewalks, the road with its markings, and a street that crosses it. */
export function drawGround(drawing: Drawing, dice: Dice, street: Street): void {
  const { left, right, walkLeft, walkRight, hasVerge, crossing } = street
  const flat = (name: string, amount: number, grain: number) =>
    drawing.object(name, 7, { amount, grain, isGround: true })
  const up: Point = [0, 1, 0]

  const terrain = flat('terrain', 0.12, 0.12)
  const grass = near(
    dice,
    dice.pick<Color>([
      [98, 112, 64],
      [120, 118, 78],
      [84, 104, 56],
      [132, 118, 92],
    ]),
    12,
  )
  const far = mixed(grass, drawing.light.haze, 0.45)
  const { width, height, center, roll } = drawing.camera
  const tilt = (x: number) => (x - center[0]) * Math.sin(roll) + center[1]
  terrain.pixels(
    [
      [-9, tilt(-9)],
      [width + 9, tilt(width + 9)],
      [width + 9, height + 9],
      [-9, height + 9],
    ],
    far,
    {
      bottom: terrain.lit(grass, up),
    },
  )
  for (let i = 0; i < 14; i++) {
    const [x, z] = [dice.between(-30, 30), dice.between(3, 40)]
    const patch = Array.from({ length: 14 }, (_, k): Point => {
      const [angle, radius] = [(Math.PI * k) / 7, dice.between(0.6, 1.8)]
      return [x + radius * Math.cos(angle), 0, z + 1.4 * radius * Math.sin(angle)]
    })
    terrain.mark(patch, scaled(grass, dice.between(0.7, 1.25)), 0.35)
  }

  const pavement = near(
    dice,
    dice.pick<Color>([
      [142, 137, 132],
      [128, 124, 122],
      [150, 138, 126],
      [118, 116, 116],
    ]),
    12,
  )
  const walk = flat('sidewalk', 0.05, 0.1)
  const stone = walk.lit(pavement, up)
  const asphalt = near(
    dice,
    dice.pick<Color>([
      [96, 95, 97],
      [112, 110, 108],
      [80, 80, 84],
      [122, 116, 110],
    ]),
    12,
  )
  const sides: readonly (readonly [number, number])[] = [
    [walkLeft, left],
    [right, walkRight],
  ]
  for (const [a, b] of sides) {
    const verge = hasVerge ? 0.45 : 0
    const [from, to] = a === walkLeft ? [a, b + verge * (a - b)] : [a + verge * (b - a), b]
    walk.face(strip(from, to, 0.5, FAR), stone)
    const joints: Point[][] = []
    const size = dice.between(0.5, 1.2)
    for (let z = 2; z < 22; z += size) joints.push(strip(from, to, z, z + 0.03))
    for (let x = from + size; x < to; x += size) joints.push(strip(x - 0.015, x + 0.015, 1, 30))
    walk.marks(joints, scaled(stone, 0.72), 0.7)
  }

  const road = flat('road', 0.05, 0.07)
  const tar = road.lit(asphalt, up)
  road.face(strip(left, right, 0.5, FAR), tar)
  if (crossing) {
    const [from, to] = crossing
    const curb = walkRight - right
    for (const side of [-1, 1]) {
      const edge = side < 0 ? left : right
      walk.face(strip(edge, side * 70, from - curb, to + curb), stone)
      road.face(strip(edge - side * 0.2, side * 70, from, to), tar)
      // The rounded corners of the curb.
      for (const [z, toward] of [
        [from, -1],
        [to, 1],
      ] as const) {
        const corner = [0, 1, 2, 3, 4].map((i): Point => {
          const angle = (Math.PI / 2) * (i / 4)
          return [edge + side * 2 * (1 - Math.sin(angle)), 0, z + toward * 2 * (1 - Math.cos(angle))]
        })
        road.face([[edge - side * 0.2, 0, z - toward * 0.1], ...corner], tar)
      }
    }
  }
  // Curbs are sidewalk, seen as a lighter line.
  const curbs = sides.map(([a], i) =>
    i === 0 ? strip(left - 0.15, left, 0.5, 80) : strip(a, a + 0.15, 0.5, 80),
  )
  if (!crossing) walk.marks(curbs, scaled(stone, 1.15), 0.8)

  drawWear(dice, road, street, tar)
  drawMarkings(dice, road, street, tar)
}

function drawWear(
  dice: Dice,
  road: ReturnType<Drawing['object']>,
  { left, right }: Street,
  tar: Color,
): void {
  for (let i = dice.integer(2, 8); i > 0; i--) {
    const [x, z] = [dice.between(left, right - 1), dice.between(3, 35)]
    const patch = strip(x, Math.min(right, x + dice.between(0.6, 2.5)), z, z + dice.between(1, 7))
    road.mark(patch, scaled(tar, dice.between(0.78, 1.18)), 0.6)
  }
  for (const x of [left * 0.35, left * 0.7, right * 0.3, right * 0.7]) {
    road.mark(strip(x - 0.25, x + 0.25, 0.5, 60), scaled(tar, 0.85), 0.35)
  }
  for (let i = dice.integer(0, 4); i > 0; i--) {
    let [x, z] = [dice.between(left, right), dice.between(3, 20)]
    const crack: Point[] = []
    for (let k = 0; k < 6; k++) {
      crack.push([x, 0, z])
      x += dice.between(-0.5, 0.5)
      z += dice.between(0.3, 1.2)
    }
    const back = crack.map(([a, b, c]): Point => [a + 0.05, b, c]).reverse()
    road.mark([...crack, ...back], scaled(tar, 0.55), 0.7)
  }
  const [x, z] = [dice.between(left + 1, right - 1), dice.between(5, 16)]
  const lid = Array.from({ length: 14 }, (_, i): Point => {
    const angle = (Math.PI * i) / 7
    return [x + 0.35 * Math.cos(angle), 0, z + 0.35 * Math.sin(angle)]
  })
  if (dice.chance(0.6)) road.mark(lid, scaled(tar, 0.6))
}

function drawMarkings(dice: Dice, road: ReturnType<Drawing['object']>, street: Street, tar: Color): void {
  const { left, right, crossing } = street
  const paint = mixed(tar, [228, 226, 220], dice.between(0.5, 0.95))
  const lines: Point[][] = []
  const lanes = Math.max(2, Math.round((right - left) / 3.3))
  const isFree = (from: number, to: number) => !crossing || to < crossing[0] - 1 || from > crossing[1] + 1
  for (let i = 1; i < lanes; i++) {
    const x = left + ((right - left) * i) / lanes
    const [dash, gap] = dice.chance(0.25) ? [4, 0] : [dice.between(1.5, 4), dice.between(2, 6)]
    for (let z = dice.between(0.6, 3); z < 90; z += dash + gap) {
      if (isFree(z, z + dash)) lines.push(strip(x - 0.07, x + 0.07, z, z + dash))
    }
  }
  if (dice.chance(0.4)) {
    for (const x of [left + 0.3, right - 0.3]) {
      lines.push(strip(x - 0.06, x + 0.06, 0.6, crossing ? crossing[0] - 3 : 90))
    }
  }
  if (crossing && dice.chance(0.8)) {
    for (let x = left + 0.4; x < right - 0.5; x += 1) {
      lines.push(strip(x, x + 0.5, crossing[0] - 3.6, crossing[0] - 0.8))
    }
    lines.push(strip(left + (right - left) / lanes, right, crossing[0] - 5, crossing[0] - 4.6))
  }
  if (dice.chance(0.3)) {
    const [x, z] = [right - 1.6, dice.between(5, 12)]
    lines.push(strip(x - 0.07, x + 0.07, z, z + 2), [
      [x - 0.35, 0, z + 2],
      [x, 0, z + 3.2],
      [x + 0.35, 0, z + 2],
    ])
  }
  road.marks(lines, paint)
}

/** The hood of the car that carries the camera. */
export function drawHood(drawing: Drawing, dice: Dice): void {
  const { width, height } = drawing.camera
  const hood = drawing.object('ego vehicle', 1, { amount: 0.02, grain: 0.02 })
  const color = near(
    dice,
    dice.pick<Color>([
      [34, 35, 38],
      [120, 124, 128],
      [60, 66, 80],
    ]),
    8,
  )
  const rise = dice.between(0.05, 0.12) * height
  const outline = Array.from({ length: 33 }, (_, i): Pixel => {
    const t = i / 16 - 1
    return [width * (0.5 + 0.52 * t), height - rise * Math.sqrt(1.08 - t * t) + 0.1 * rise]
  })
  hood.pixels([...outline, [width, height + 9], [0, height + 9]], scaled(color, 1.3), { bottom: color })
}
