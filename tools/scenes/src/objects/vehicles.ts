import type { Point } from '../camera.js'
import { type Color, mixed, near, scaled } from '../color.js'
import type { Dice } from '../dice.js'
import type { Drawing, DrawnObject } from '../drawing.js'
import { at, disc, type Pose } from '../shapes.js'

const paints: readonly Color[] = [
  [145, 36, 38],
  [42, 62, 120],
  [205, 205, 205],
  [45, 46, 50],
  [122, 126, 130],
  [92, 96, 100],
  [165, 160, 150],
  [60, 92, 70],
  [175, 140, 60],
  [70, 58, 52],
]
const GLASS: Color = [58, 68, 78]
const RUBBER: Color = [30, 30, 31]

/** A corner of a side view: meters ahead of the middle, meters above the ground. */
type Corner = readonly [forward: number, up: number]

/** A body with the same side view on both sides. Above `belt` it becomes narrower, by `taper` meters at the top. */
interface Body {
  readonly pose: Pose
  readonly profile: readonly Corner[]
  readonly half: number
  readonly belt: number
  readonly taper: number
}

/** The half width of a body at a height. */
function halfAt({ profile, half, belt, taper }: Body, up: number): number {
  const top = Math.max(...profile.map(([, y]) => y))
  return half - (taper * Math.max(0, up - belt)) / Math.max(0.01, top - belt)
}

/** The point of a body's surface on side -1 (left), 1 or in between. */
const on = (body: Body, forward: number, up: number, side: number): Point =>
  at(body.pose, forward, up, side * halfAt(body, up))

/** Whether a plane through `point` with this outward normal shows its front to the camera at height `eye`. */
const isSeen = ([x, y, z]: Point, [nx, ny, nz]: Point, eye: number) => -x * nx + (eye - y) * ny - z * nz > 0

/** The outward normal of the body's side. */
const sideNormal = ({ pose }: Body, side: number): Point => [
  side * Math.cos(pose.yaw),
  0,
  -side * Math.sin(pose.yaw),
]

/** The side that the camera sees, if any. */
const seenSide = (body: Body, eye: number) =>
  [-1, 1].find((side) => isSeen(at(body.pose, 0, 0.5, side * body.half), sideNormal(body, side), eye))

/** Draws what the camera sees of a body: its faces from far to near. */
function drawBody(drawing: Drawing, object: DrawnObject, body: Body, color: Color): void {
  const { profile, pose } = body
  const { eye } = drawing.camera
  const faces: { points: Point[]; color: Color; distance: number; bottom?: Color }[] = []
  const distance = (points: readonly Point[]) =>
    points.reduce((sum, [x, , z]) => sum + Math.hypot(x, z), 0) / points.length
  profile.forEach(([f0, u0], i) => {
    const [f1, u1] = profile[(i + 1) % profile.length]
    // The profile runs clockwise from the lower front over the roof: its outward normal is to the left of each edge.
    const [nf, nu] = [u1 - u0, f0 - f1]
    const normal: Point = [nf * Math.sin(pose.yaw), nu, nf * Math.cos(pose.yaw)]
    const points = [on(body, f0, u0, -1), on(body, f1, u1, -1), on(body, f1, u1, 1), on(body, f0, u0, 1)]
    if (isSeen(points[0], normal, eye)) {
      faces.push({ points, color: object.lit(color, normal), distance: distance(points) })
    }
  })
  const side = seenSide(body, eye)
  if (side !== undefined) {
    const points = profile.map(([f, u]) => on(body, f, u, side))
    const lit = object.lit(color, sideNormal(body, side))
    faces.push({ points, color: scaled(lit, 1.08), bottom: scaled(lit, 0.7), distance: distance(points) })
  }
  faces.sort((a, b) => b.distance - a.distance)
  for (const face of faces) object.face(face.points, face.color, face)
}

/** A patch of the side that the camera sees, between two lines across. */
function sidePatch(body: Body, side: number, corners: readonly Corner[]): Point[] {
  return corners.map(([f, u]) => on(body, f, u, side))
}

/** A patch of a face across the body from corner a to corner b; both shares run from 0 to 1. */
function crossPatch(
  body: Body,
  [a, b]: readonly [Corner, Corner],
  box: readonly [number, number, number, number],
): Point[] {
  const [low, high, left, right] = box
  const point = (t: number, s: number) =>
    on(body, a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t, s * 2 - 1)
  return [point(low, left), point(high, left), point(high, right), point(low, right)]
}

function isCrossSeen(drawing: Drawing, body: Body, [a, b]: readonly [Corner, Corner]): boolean {
  const [nf, nu] = [b[1] - a[1], a[0] - b[0]]
  const { yaw } = body.pose
  return isSeen(on(body, a[0], a[1], 0), [nf * Math.sin(yaw), nu, nf * Math.cos(yaw)], drawing.camera.eye)
}

function drawWheels(
  drawing: Drawing,
  object: DrawnObject,
  body: Body,
  places: readonly number[],
  r: number,
): void {
  const side = seenSide(body, drawing.camera.eye)
  const { pose, half } = body
  for (const forward of places) {
    for (const s of side === undefined ? [-1, 1] : [-side, side]) {
      const isNear = s === side
      const hub = at(pose, forward, r, s * (half - (isNear ? 0 : 0.12)))
      const rx = r * Math.abs(Math.sin(pose.yaw)) + 0.06
      object.face(disc(hub, rx, r, 20), RUBBER)
      // From behind or ahead, the tread shows.
      const tread = Math.abs(Math.cos(pose.yaw)) * 0.26
      const [low, top] = [at(pose, forward, 0.01, s * half), at(pose, forward, r, s * (half - tread))]
      object.face([low, [low[0], r, low[2]], top, [top[0], 0.01, top[2]]], RUBBER)
      if (!isNear) continue
      object.face(disc(hub, Math.max(0.03, rx - 0.04), r, 20), scaled(RUBBER, 1.2))
      object.mark(disc(hub, Math.max(0.02, (rx - 0.04) * 0.6), r * 0.6, 16), [130, 131, 134])
      object.mark(disc(hub, Math.max(0.01, rx * 0.2), r * 0.2, 10), [70, 70, 72])
    }
  }
}

/** The dark space below a body. */
function drawUnderside(object: DrawnObject, { pose, half }: Body, length: number, high: number): void {
  for (const forward of [length * 0.38, -length * 0.38]) {
    object.face(
      [
        at(pose, forward, 0.12, -half * 0.95),
        at(pose, forward, high, -half * 0.95),
        at(pose, forward, high, half * 0.95),
        at(pose, forward, 0.12, half * 0.95),
      ],
      [26, 26, 27],
    )
  }
  for (const side of [-0.9, 0.9]) {
    object.face(
      [
        at(pose, length * 0.42, 0.15, half * side),
        at(pose, length * 0.42, high, half * side),
        at(pose, -length * 0.42, high, half * side),
        at(pose, -length * 0.42, 0.15, half * side),
      ],
      [26, 26, 27],
    )
  }
}

const lampColors: readonly [front: Color, rear: Color] = [
  [232, 230, 215],
  [178, 34, 34],
]

/** Lamps, a grille and a plate on the front of a vehicle. */
function drawFront(drawing: Drawing, object: DrawnObject, body: Body, edge: readonly [Corner, Corner]): void {
  if (!isCrossSeen(drawing, body, edge)) return
  const color = lampColors[0]
  object.marks(
    [crossPatch(body, edge, [0.45, 0.8, 0.03, 0.2]), crossPatch(body, edge, [0.45, 0.8, 0.8, 0.97])],
    color,
  )
  object.mark(crossPatch(body, edge, [0.1, 0.3, 0.38, 0.62]), [215, 214, 205])
  object.mark(crossPatch(body, edge, [0.42, 0.75, 0.25, 0.75]), [35, 36, 38])
}

/** A car: hatchback, sedan, estate, van or off-road. */
export function drawCar(drawing: Drawing, dice: Dice, pose: Pose): void {
  const car = drawing.object('car', Math.max(2, pose.z), { amount: 0.015, grain: 0.15 })
  const color = near(dice, dice.pick(paints), 18)
  const kind = dice.pick(['hatch', 'hatch', 'sedan', 'estate', 'van', 'offroad'] as const)
  const length =
    { hatch: 3.9, sedan: 4.6, estate: 4.6, van: 4.8, offroad: 4.5 }[kind] * dice.between(0.95, 1.05)
  const high =
    { hatch: 1.48, sedan: 1.43, estate: 1.48, van: 1.95, offroad: 1.72 }[kind] * dice.between(0.97, 1.04)
  const L = length / 2
  const belt = high * (kind === 'van' ? 0.53 : 0.61)
  const hood: Corner = kind === 'van' ? [L * 0.62, belt] : [L * 0.48, belt]
  const roofFront: Corner = kind === 'van' ? [L * 0.3, high - 0.03] : [L * 0.05, high - 0.02]
  const rear: Record<typeof kind, readonly [Corner, Corner, Corner]> = {
    hatch: [
      [-L * 0.62, high - 0.06],
      [-L * 0.93, belt + 0.02],
      [-L * 0.97, belt * 0.9],
    ],
    sedan: [
      [-L * 0.36, high - 0.02],
      [-L * 0.68, belt + 0.06],
      [-L * 0.96, belt * 0.97],
    ],
    estate: [
      [-L * 0.82, high - 0.07],
      [-L * 0.95, belt + 0.02],
      [-L * 0.98, belt * 0.9],
    ],
    van: [
      [-L * 0.93, high - 0.04],
      [-L * 0.98, belt + 0.02],
      [-L, belt * 0.9],
    ],
    offroad: [
      [-L * 0.88, high - 0.05],
      [-L * 0.96, belt + 0.02],
      [-L * 0.98, belt * 0.9],
    ],
  }
  const [roofRear, glassRear, trunk] = rear[kind]
  const bottom = kind === 'offroad' ? 0.34 : 0.24
  const nose: Corner = [L * 0.93, belt * 0.8]
  const bumper: Corner = [L, belt * 0.45]
  const rearBumper: Corner = [-L, belt * 0.5]
  const profile: Corner[] = [
    [L * 0.97, bottom],
    bumper,
    nose,
    hood,
    roofFront,
    [(roofFront[0] + roofRear[0]) / 2, high + 0.03],
    roofRear,
    glassRear,
    trunk,
    rearBumper,
    [-L * 0.96, bottom],
  ]
  const body: Body = { pose, profile, half: dice.between(0.85, 0.95), belt, taper: 0.17 }
  drawUnderside(car, body, length, bottom + 0.1)
  const wheel = kind === 'offroad' ? 0.37 : 0.32
  const places = [-L * 0.6, L * 0.62]
  // Wheels seen from behind stand out below the body; those on the side stand before it.
  drawWheels(drawing, car, body, places, wheel)
  // Mirrors stand out beside the body.
  for (const s of [-1, 1]) {
    const mirror = at(pose, hood[0] - 0.35, belt + 0.1, s * (body.half + 0.1))
    car.face(disc(mirror, 0.09, 0.07, 10), scaled(color, 0.6))
  }
  drawBody(drawing, car, body, color)
  const { eye } = drawing.camera
  const shine = mixed(GLASS, drawing.light.haze, dice.between(0.05, 0.4))
  for (const edge of [
    [hood, roofFront],
    [roofRear, glassRear],
  ] as [Corner, Corner][]) {
    if (isCrossSeen(drawing, body, edge)) {
      car.mark(crossPatch(body, edge, [0.06, 0.93, 0.05, 0.95]), shine)
      if (dice.chance(0.5)) {
        car.mark(crossPatch(body, edge, [0.1, 0.6, 0.15, 0.4]), mixed(shine, [20, 22, 25], 0.6))
      }
    }
  }
  const side = seenSide(body, eye)
  if (side !== undefined) {
    const back = kind === 'sedan' ? glassRear[0] + 0.12 : roofRear[0] + 0.1
    const lines: Corner[] = [
      [hood[0] - 0.28, belt + 0.03],
      [roofFront[0] - 0.06, high - 0.1],
      [roofRear[0] + 0.12, high - 0.12],
      [Math.min(back, roofRear[0] - 0.05), belt + 0.05],
    ]
    car.mark(sidePatch(body, side, lines), scaled(shine, 0.85))
    const middle = (roofFront[0] + roofRear[0]) / 2
    car.mark(
      sidePatch(body, side, [
        [middle - 0.05, belt],
        [middle - 0.05, high - 0.05],
        [middle + 0.05, high - 0.05],
        [middle + 0.05, belt],
      ]),
      scaled(color, 0.7),
    )
    const gaps = [hood[0] - 0.35, middle, -L * 0.45].map((f) =>
      sidePatch(body, side, [
        [f, bottom + 0.1],
        [f, belt],
        [f + 0.025, belt],
        [f + 0.025, bottom + 0.1],
      ]),
    )
    car.marks(gaps, scaled(color, 0.45), 0.7)
    car.mark(
      sidePatch(body, side, [
        [-L * 0.9, bottom],
        [-L * 0.9, bottom + 0.12],
        [L * 0.9, bottom + 0.12],
        [L * 0.9, bottom],
      ]),
      [38, 38, 40],
      0.7,
    )
    for (const forward of places) {
      const hub = at(pose, forward, wheel, side * body.half)
      const rx = wheel * Math.abs(Math.sin(pose.yaw))
      car.face(disc(hub, rx + 0.03, wheel * 1.14, 20), scaled(color, 0.3))
      car.face(disc(hub, rx, wheel, 20), RUBBER)
      car.mark(disc(hub, rx * 0.64, wheel * 0.64, 16), near(dice, [135, 136, 139], 15))
      car.mark(disc(hub, rx * 0.2, wheel * 0.2, 8), [60, 60, 62])
    }
  }
  drawFront(drawing, car, body, [bumper, nose])
  drawRear(drawing, car, body, [trunk, rearBumper])
}

/** The rear lamps of a vehicle, on the face from the trunk down to the bumper. */
function drawRear(drawing: Drawing, object: DrawnObject, body: Body, edge: readonly [Corner, Corner]): void {
  if (!isCrossSeen(drawing, body, edge)) return
  const lamps = [
    crossPatch(body, edge, [0.08, 0.6, 0.02, 0.18]),
    crossPatch(body, edge, [0.08, 0.6, 0.82, 0.98]),
  ]
  object.marks(lamps, lampColors[1])
  object.mark(crossPatch(body, edge, [0.6, 0.95, 0.36, 0.64]), [215, 214, 205])
}

/** A box with slightly cut corners, from `low` to `high`. */
function boxProfile(from: number, to: number, low: number, high: number, cut = 0.15): Corner[] {
  return [
    [to, low],
    [to, high - cut],
    [to - cut, high],
    [from + cut, high],
    [from, high - cut],
    [from, low],
  ]
}

const front = (to: number, low: number, high: number): [Corner, Corner] => [
  [to, low],
  [to, high],
]
const back = (from: number, low: number, high: number): [Corner, Corner] => [
  [from, high],
  [from, low],
]

/** A truck: its cab and a box, a tarpaulin, a tank or a bed with a load. */
export function drawTruck(drawing: Drawing, dice: Dice, pose: Pose): void {
  const truck = drawing.object('truck', Math.max(3, pose.z), { amount: 0.03, grain: 0.3 })
  const length = dice.between(5.5, 9)
  const L = length / 2
  const high = dice.between(2.7, 3.6)
  const half = dice.between(1.05, 1.25)
  const cabColor = near(dice, dice.pick(paints), 20)
  const loadColor = near(
    dice,
    dice.pick<Color>([
      [195, 193, 186],
      [150, 60, 50],
      [70, 95, 140],
      [120, 125, 128],
      [185, 150, 70],
      [75, 105, 85],
    ]),
    20,
  )
  const wheel = 0.48
  const cabHigh = Math.min(high, dice.between(2.4, 2.9))
  const cabRear = L - 1.9
  const cab: Body = {
    pose,
    profile: [
      [L, 0.45],
      [L, 1.45],
      [L - 0.25, cabHigh - 0.15],
      [L - 0.5, cabHigh],
      [cabRear, cabHigh],
      [cabRear, 0.45],
    ],
    half: half * 0.95,
    belt: 1.5,
    taper: 0.1,
  }
  const kind = dice.pick(['box', 'box', 'tarpaulin', 'bed', 'tank'] as const)
  const loadHigh = kind === 'bed' ? 1.75 : high
  const load: Body = {
    pose,
    profile: boxProfile(
      -L,
      cabRear - 0.2,
      kind === 'tank' ? 1 : 0.85,
      loadHigh,
      kind === 'tank' ? 0.6 : 0.08,
    ),
    half,
    belt: kind === 'tank' ? 1.6 : loadHigh,
    taper: kind === 'tank' ? 0.6 : 0,
  }
  const chassis: Body = {
    pose,
    profile: boxProfile(-L, L * 0.9, 0.5, 0.95, 0.05),
    half: half * 0.8,
    belt: 1,
    taper: 0,
  }
  const places = [L - 1.1, -L * 0.5, -L * 0.5 - 1.1]
  const parts = [
    () => drawBody(drawing, truck, chassis, [48, 48, 50]),
    () => {
      drawBody(drawing, truck, load, loadColor)
      const side = seenSide(load, drawing.camera.eye)
      const rear = back(-L, 0.9, loadHigh - 0.1)
      if (isCrossSeen(drawing, load, rear)) {
        truck.mark(crossPatch(load, rear, [0.02, 0.98, 0.49, 0.51]), scaled(loadColor, 0.5))
        truck.marks(
          [
            crossPatch(load, rear, [0.03, 0.95, 0.03, 0.05]),
            crossPatch(load, rear, [0.03, 0.95, 0.95, 0.97]),
          ],
          scaled(loadColor, 0.7),
        )
        truck.marks(
          [crossPatch(load, rear, [0.9, 1, 0.02, 0.14]), crossPatch(load, rear, [0.9, 1, 0.86, 0.98])],
          lampColors[1],
        )
      }
      if (side === undefined) return
      const ribs: Point[][] = []
      const gap = kind === 'tarpaulin' ? 0.55 : 1.3
      for (let f = -L + gap; f < cabRear - 0.4; f += gap) {
        ribs.push(
          sidePatch(load, side, [
            [f, 0.9],
            [f, loadHigh - 0.1],
            [f + 0.05, loadHigh - 0.1],
            [f + 0.05, 0.9],
          ]),
        )
      }
      truck.marks(ribs, scaled(loadColor, 0.65), 0.7)
      if (kind !== 'bed' && dice.chance(0.6)) {
        const [f, u] = [dice.between(-L * 0.6, -L * 0.2), loadHigh * 0.6]
        const word: Corner[] = [
          [f, u],
          [f, u + 0.5],
          [f + length * 0.25, u + 0.5],
          [f + length * 0.25, u],
        ]
        truck.mark(sidePatch(load, side, word), near(dice, dice.pick(paints), 20), 0.85)
      }
    },
    () => {
      drawBody(drawing, truck, cab, cabColor)
      const screen: [Corner, Corner] = [
        [L, 1.45],
        [L - 0.25, cabHigh - 0.15],
      ]
      if (isCrossSeen(drawing, cab, screen)) {
        truck.mark(crossPatch(cab, screen, [0.05, 0.95, 0.06, 0.94]), GLASS)
      }
      drawFront(drawing, truck, cab, front(L, 0.45, 1.3))
      const side = seenSide(cab, drawing.camera.eye)
      if (side !== undefined) {
        truck.mark(
          sidePatch(cab, side, [
            [L - 0.35, 1.5],
            [L - 0.55, cabHigh - 0.3],
            [cabRear + 0.6, cabHigh - 0.3],
            [cabRear + 0.6, 1.5],
          ]),
          GLASS,
        )
        truck.mark(
          sidePatch(cab, side, [
            [cabRear + 0.5, 0.6],
            [cabRear + 0.5, cabHigh - 0.2],
            [cabRear + 0.55, cabHigh - 0.2],
            [cabRear + 0.55, 0.6],
          ]),
          scaled(cabColor, 0.5),
        )
      }
      for (const s of [-1, 1]) {
        const [x, y, z] = at(pose, L - 0.1, 1.9, s * (half + 0.12))
        truck.face(
          [
            [x - 0.08, y - 0.25, z],
            [x - 0.08, y + 0.25, z],
            [x + 0.08, y + 0.25, z],
            [x + 0.08, y - 0.25, z],
          ],
          RUBBER,
        )
      }
    },
  ]
  drawUnderside(truck, load, length, 0.9)
  drawWheels(drawing, truck, chassis, places, wheel)
  // The end that is farther away comes first.
  const [base, cargo, driver] = parts
  base()
  drawWheels(drawing, truck, { ...chassis, half }, places, wheel)
  if (at(pose, L, 0)[2] > at(pose, -L, 0)[2]) {
    driver()
    cargo()
  } else {
    cargo()
    driver()
  }
  if (Math.abs(Math.sin(pose.yaw)) > 0.3) drawWheels(drawing, truck, { ...chassis, half }, places, wheel)
}

/** A bus with large windows, doors and a display. */
export function drawBus(drawing: Drawing, dice: Dice, pose: Pose): void {
  const bus = drawing.object('bus', Math.max(4, pose.z), { amount: 0.02, grain: 0.3 })
  const length = dice.between(9, 12)
  const high = dice.chance(0.15) ? 4.2 : dice.between(2.9, 3.2)
  const L = length / 2
  const color = near(
    dice,
    dice.pick<Color>([
      [175, 45, 42],
      [200, 195, 185],
      [205, 165, 60],
      [60, 95, 140],
      [95, 130, 90],
      [215, 215, 210],
    ]),
    16,
  )
  const second = near(dice, dice.pick(paints), 16)
  const body: Body = {
    pose,
    profile: boxProfile(-L, L, 0.32, high, 0.22),
    half: 1.25,
    belt: high * 0.55,
    taper: 0.08,
  }
  const places = [L - 2.6, -L + 2.8]
  drawUnderside(bus, body, length, 0.4)
  drawWheels(drawing, bus, body, places, 0.48)
  drawBody(drawing, bus, body, color)
  const glass = mixed(GLASS, drawing.light.haze, dice.between(0, 0.25))
  const ahead = front(L, 0.32, high - 0.2)
  if (isCrossSeen(drawing, body, ahead)) {
    bus.mark(crossPatch(body, ahead, [0.3, 0.8, 0.04, 0.96]), glass)
    bus.mark(crossPatch(body, ahead, [0.84, 0.97, 0.15, 0.85]), [28, 28, 30])
    bus.mark(crossPatch(body, ahead, [0.87, 0.94, 0.25, 0.7]), [235, 170, 60])
    bus.marks(
      [crossPatch(body, ahead, [0.1, 0.18, 0.04, 0.18]), crossPatch(body, ahead, [0.1, 0.18, 0.82, 0.96])],
      lampColors[0],
    )
    bus.mark(crossPatch(body, ahead, [0, 0.06, 0, 1]), scaled(second, 0.6))
  }
  const behind = back(-L, 0.32, high - 0.2)
  if (isCrossSeen(drawing, body, behind)) {
    bus.mark(crossPatch(body, behind, [0.12, 0.42, 0.1, 0.9]), glass)
    bus.mark(crossPatch(body, behind, [0.55, 0.85, 0.2, 0.8]), scaled(color, 0.6))
    bus.marks(
      [crossPatch(body, behind, [0.6, 0.85, 0.02, 0.1]), crossPatch(body, behind, [0.6, 0.85, 0.9, 0.98])],
      lampColors[1],
    )
  }
  const side = seenSide(body, drawing.camera.eye)
  if (side === undefined) return
  bus.mark(
    sidePatch(body, side, [
      [-L, 0.34],
      [-L, 0.75],
      [L, 0.75],
      [L, 0.34],
    ]),
    second,
    0.9,
  )
  const windows: Point[][] = []
  const rows =
    high > 4
      ? [
          [1.2, 2.1],
          [2.7, 3.6],
        ]
      : [[high * 0.42, high * 0.85]]
  for (const [low, top] of rows) {
    for (let f = -L + 0.4; f < L - 1.5; f += 1.45) {
      windows.push(
        sidePatch(body, side, [
          [f, low],
          [f, top],
          [f + 1.33, top],
          [f + 1.33, low],
        ]),
      )
    }
  }
  bus.marks(windows, glass)
  const doors = [L - 1.35, -0.4].map((f) =>
    sidePatch(body, side, [
      [f, 0.38],
      [f, high * 0.85],
      [f + 1.1, high * 0.85],
      [f + 1.1, 0.38],
    ]),
  )
  bus.marks(doors, scaled(glass, 0.8))
  for (const forward of places) {
    const hub = at(pose, forward, 0.48, side * body.half)
    const rx = 0.48 * Math.abs(Math.sin(pose.yaw))
    bus.face(disc(hub, rx + 0.05, 0.56, 20), scaled(color, 0.3))
    bus.face(disc(hub, rx, 0.48, 20), RUBBER)
    bus.mark(disc(hub, rx * 0.6, 0.28, 14), [125, 126, 128])
  }
}

/** A tram of two or three cars with round ends; no wheels show. */
export function drawTrain(drawing: Drawing, dice: Dice, pose: Pose): void {
  const train = drawing.object('train', Math.max(4, pose.z), { amount: 0.02, grain: 0.3 })
  const cars = dice.integer(2, 3)
  const one = dice.between(8, 11)
  const high = dice.between(3.3, 3.7)
  const color = near(
    dice,
    dice.pick<Color>([
      [195, 180, 70],
      [170, 48, 44],
      [85, 120, 85],
      [205, 203, 198],
      [60, 85, 130],
      [150, 70, 50],
    ]),
    18,
  )
  const lower = near(
    dice,
    dice.pick<Color>([
      [205, 200, 190],
      [60, 60, 64],
      [150, 45, 42],
    ]),
    14,
  )
  const glass = mixed(GLASS, drawing.light.haze, dice.between(0, 0.25))
  const L = (cars * one) / 2
  const order = Array.from({ length: cars }, (_, i) => -L + one * (i + 0.5))
  order.sort((a, b) => distance(at(pose, b, 0)) - distance(at(pose, a, 0)))
  for (const middle of order) {
    const [from, to] = [middle - one / 2 + 0.2, middle + one / 2 - 0.2]
    const isFirst = middle > L - one
    const isLast = middle < -L + one
    const profile: Corner[] = [
      [to, 0.18],
      [to + (isFirst ? 0.25 : 0), 1],
      [to - (isFirst ? 0.45 : 0), high - 0.35],
      [to - (isFirst ? 0.9 : 0.1), high],
      [from + (isLast ? 0.9 : 0.1), high],
      [from + (isLast ? 0.45 : 0), high - 0.35],
      [from - (isLast ? 0.25 : 0), 1],
      [from, 0.18],
    ]
    const body: Body = { pose, profile, half: 1.3, belt: high * 0.7, taper: 0.14 }
    const bellows: Body = {
      pose,
      profile: boxProfile(from - 0.3, to + (isFirst ? -0.5 : 0.3), 0.4, high - 0.2),
      half: 1.1,
      belt: 2,
      taper: 0.1,
    }
    if (!isFirst || !isLast) drawBody(drawing, train, bellows, [52, 52, 55])
    drawBody(drawing, train, body, color)
    const ends = [
      [profile[1], profile[2], isFirst],
      [profile[5], profile[6], isLast],
    ] as const
    ends.forEach(([a, b, isEnd], i) => {
      if (!isEnd || !isCrossSeen(drawing, body, [a, b])) return
      const up = (low: number, top: number) => (i === 0 ? [low, top] : [1 - top, 1 - low]) as [number, number]
      train.mark(crossPatch(body, [a, b], [...up(0.25, 0.85), 0.06, 0.94]), glass)
      train.mark(crossPatch(body, [a, b], [...up(0.88, 0.99), 0.25, 0.75]), [30, 30, 30])
      train.marks(
        [
          crossPatch(body, [a, b], [...up(0.06, 0.17), 0.06, 0.2]),
          crossPatch(body, [a, b], [...up(0.06, 0.17), 0.8, 0.94]),
        ],
        lampColors[i],
      )
    })
    const side = seenSide(body, drawing.camera.eye)
    if (side !== undefined) {
      const band = (low: number, top: number) =>
        sidePatch(body, side, [
          [from, low],
          [from, top],
          [to, top],
          [to, low],
        ])
      train.mark(band(0.2, 0.95), lower)
      train.mark(band(0.18, 0.32), [40, 40, 42])
      const windows: Point[][] = []
      for (let f = from + 0.5; f < to - 1; f += 1.5) {
        windows.push(
          sidePatch(body, side, [
            [f, 1.35],
            [f, high - 0.75],
            [f + 1.3, high - 0.75],
            [f + 1.3, 1.35],
          ]),
        )
      }
      train.marks(windows, glass)
      const door = middle + 0.2
      train.mark(
        sidePatch(body, side, [
          [door, 0.35],
          [door, high - 0.7],
          [door + 1.3, high - 0.7],
          [door + 1.3, 0.35],
        ]),
        scaled(glass, 0.75),
      )
    }
  }
  if (dice.chance(0.7)) {
    const [a, b, c] = [at(pose, 0.8, high), at(pose, -0.4, high + 0.6), at(pose, 0.6, high + 1.2)]
    const rod = (p: Point, q: Point): Point[] => [
      [p[0] - 0.04, p[1], p[2]],
      [q[0] - 0.04, q[1], q[2]],
      [q[0] + 0.04, q[1], q[2]],
      [p[0] + 0.04, p[1], p[2]],
    ]
    train.face(rod(a, b), [60, 60, 62])
    train.face(rod(b, c), [60, 60, 62])
    train.face(
      [
        [c[0] - 0.7, c[1], c[2]],
        [c[0] - 0.7, c[1] + 0.07, c[2]],
        [c[0] + 0.7, c[1] + 0.07, c[2]],
        [c[0] + 0.7, c[1], c[2]],
      ],
      [60, 60, 62],
    )
  }
}

const distance = ([x, , z]: Point) => Math.hypot(x, z)
