import type { Point } from '../camera.js'
import { type Color, near, scaled } from '../color.js'
import type { Dice } from '../dice.js'
import type { Drawing, DrawnObject } from '../drawing.js'
import { at, disc, limb, type Pose } from '../shapes.js'

const skins: readonly Color[] = [
  [205, 165, 140],
  [185, 140, 115],
  [130, 92, 70],
  [95, 66, 52],
]
const clothes: readonly Color[] = [
  [140, 50, 50],
  [60, 85, 130],
  [190, 185, 178],
  [52, 54, 58],
  [90, 110, 75],
  [120, 105, 90],
  [165, 140, 85],
  [80, 62, 84],
  [70, 74, 80],
]
const trousers: readonly Color[] = [
  [48, 54, 78],
  [50, 50, 52],
  [95, 88, 78],
  [72, 80, 95],
]

const cloth = { amount: 0.06, grain: 0.08 }

/** A pedestrian who walks, stands or carries a bag. */
export function drawPerson(drawing: Drawing, dice: Dice, pose: Pose): void {
  const person = drawing.object('person', pose.z, cloth)
  // Proportions of an adult of 1.75 m, scaled.
  const size = dice.chance(0.12) ? dice.between(0.6, 0.8) : dice.between(0.9, 1.08)
  const p = (forward: number, up: number, right = 0) => at(pose, forward * size, up * size, right * size)
  const shape = (points: Point[], color: Color) => person.face(points, color, { bottom: scaled(color, 0.78) })
  const arm = (a: Point, b: Point, ra: number, rb = ra) => limb(a, b, ra * size, rb * size)
  const top = near(dice, dice.pick(clothes), 18)
  const leg = near(dice, dice.pick(trousers), 14)
  const skin = near(dice, dice.pick(skins), 10)
  const shoe = near(dice, [50, 45, 42], 16)
  const stride = dice.between(0.02, 0.32)
  const isSkirt = dice.chance(0.2)
  const isCoat = dice.chance(0.3)
  const swing = stride * dice.between(0.5, 0.9)

  for (const side of [1, -1]) {
    const foot = p(side * stride, 0.07, side * 0.1)
    const knee = p(side * stride * 0.55 + 0.04, 0.48, side * 0.1)
    const color = scaled(isSkirt ? skin : leg, side > 0 ? 0.8 : 1)
    person.face(arm(foot, p(side * stride + 0.13, 0.05, side * 0.1), 0.05), shoe)
    shape(arm(knee, foot, 0.07, 0.05), color)
    shape(arm(p(0, 0.88, side * 0.08), knee, 0.1, 0.07), color)
    const hand = p(-side * swing, 0.8, side * 0.24)
    const elbow = p(-side * swing * 0.6 - 0.04, 1.08, side * 0.24)
    if (side > 0) drawArm(person, arm, [p(0, 1.4, side * 0.19), elbow, hand], scaled(top, 0.78), skin)
  }
  const low = isCoat || isSkirt ? dice.between(0.5, 0.7) : 0.86
  const flare = isSkirt ? 0.22 : 0.17
  const across = Math.abs(Math.cos(pose.yaw))
  const half = (front: number) => (0.13 + (front - 0.13) * across) * size
  const [x, z] = [pose.x, pose.z]
  const level = (up: number, wide: number): [Point, Point] => [
    [x - half(wide), up * size, z],
    [x + half(wide), up * size, z],
  ]
  const [[hemL, hemR], [waistL, waistR], [chestL, chestR], [shoulderL, shoulderR]] = [
    level(low, flare),
    level(1.02, 0.16),
    level(1.32, 0.21),
    level(1.47, 0.15),
  ]
  shape([hemL, waistL, chestL, shoulderL, shoulderR, chestR, waistR, hemR], top)
  if (isSkirt) shape([hemL, waistL, waistR, hemR], leg)
  drawArm(
    person,
    arm,
    [p(0, 1.4, -0.19), p(swing * 0.6 - 0.04, 1.08, -0.24), p(swing, 0.8, -0.24)],
    top,
    skin,
  )
  drawHead(dice, person, p(0.02, 1.63), size, skin)
  if (dice.chance(0.3)) {
    const bag = near(dice, dice.pick(clothes), 20)
    if (dice.chance(0.5)) shape(limb(p(-0.17, 1.3), p(-0.17, 1.05), 0.14 * size), bag)
    else shape(limb(p(swing, 0.62, -0.26), p(swing, 0.5, -0.26), 0.13 * size, 0.15 * size), bag)
  }
}

type Limb = (a: Point, b: Point, ra: number, rb?: number) => Point[]

function drawArm(person: DrawnObject, arm: Limb, joints: readonly Point[], color: Color, skin: Color): void {
  const [shoulder, elbow, hand] = joints
  person.face(arm(shoulder, elbow, 0.065, 0.05), color)
  person.face(arm(elbow, hand, 0.05, 0.04), scaled(color, 0.92))
  person.face(disc(hand, 0.05, 0.05, 8), skin)
}

function drawHead(
  dice: Dice,
  person: DrawnObject,
  center: Point,
  size: number,
  skin: Color,
  helmet?: Color,
): void {
  const [x, y, z] = center
  const hair =
    helmet ??
    near(
      dice,
      dice.pick<Color>([
        [48, 38, 32],
        [95, 72, 48],
        [150, 125, 85],
        [110, 108, 106],
      ]),
      12,
    )
  person.face(limb([x, y - 0.2 * size, z], center, 0.055 * size), scaled(skin, 0.8))
  if (!helmet && dice.chance(0.3)) person.face(disc([x, y - 0.05 * size, z], 0.115 * size, 0.17 * size), hair)
  person.face(disc(center, 0.095 * size, 0.125 * size), skin)
  const cap = disc([x, y + 0.03 * size, z], (helmet ? 0.135 : 0.105) * size, (helmet ? 0.14 : 0.115) * size)
  person.face(
    cap.map(([a, b, c]): Point => [a, Math.max(b, y + (helmet ? -0.01 : 0.03) * size), c]),
    hair,
  )
}

/** A rider on a bicycle or a motorcycle: hip, hand and foot lie where the vehicle has saddle, handlebar and pedals. */
export function drawRider(drawing: Drawing, dice: Dice, pose: Pose, isMotorcycle: boolean): void {
  const rider = drawing.object('rider', pose.z, cloth)
  const p = (forward: number, up: number, right = 0) => at(pose, forward, up, right)
  const shape = (points: Point[], color: Color) => rider.face(points, color, { bottom: scaled(color, 0.78) })
  const top = near(dice, dice.pick(clothes), 20)
  const leg = near(dice, dice.pick(trousers), 14)
  const skin = near(dice, dice.pick(skins), 10)
  const seat = isMotorcycle ? 0.88 : 0.98
  const lean = dice.between(0.12, 0.3)
  const turn = dice.between(0, 2 * Math.PI)
  const hand = isMotorcycle ? [0.38, 1.02] : [0.42, 1.08]
  const neck = p(-0.18 + lean, seat + 0.55)
  for (const side of [1, -1]) {
    const apart = isMotorcycle ? 0.24 : 0.11
    const phase = turn + (side > 0 ? Math.PI : 0)
    const foot = isMotorcycle
      ? p(0.02, 0.32, side * apart)
      : p(-0.05 + 0.17 * Math.cos(phase), 0.3 + 0.17 * Math.sin(phase), side * apart)
    const knee = isMotorcycle
      ? p(0.24, 0.72, side * (apart + 0.06))
      : p(0.2, 0.68 + 0.08 * Math.sin(phase), side * apart)
    const color = scaled(leg, side > 0 ? 0.85 : 1)
    shape(limb(knee, foot, 0.075, 0.05), color)
    shape(limb(p(-0.2, seat, side * 0.09), knee, 0.11, 0.08), color)
    rider.face(limb(foot, at({ ...pose, x: foot[0], z: foot[2] }, 0.14, foot[1] - 0.03), 0.05), [45, 42, 40])
    const bar = p(hand[0], hand[1], side * 0.26)
    const elbow = p(0.12 + lean * 0.5, seat + 0.22, side * 0.28)
    drawArm(
      rider,
      limb,
      [p(-0.18 + lean, seat + 0.5, side * 0.19), elbow, bar],
      scaled(top, side > 0 ? 0.85 : 0.95),
      skin,
    )
  }
  const across = 0.13 + 0.07 * Math.abs(Math.cos(pose.yaw))
  shape(limb(p(-0.2, seat + 0.04), p(-0.18 + lean * 0.9, seat + 0.42), across * 0.85, across), top)
  if (dice.chance(0.3)) {
    shape(limb(p(-0.3, seat + 0.15), p(-0.3 + lean, seat + 0.42), 0.13), near(dice, dice.pick(clothes), 18))
  }
  const helmet = isMotorcycle || dice.chance(0.4) ? near(dice, dice.pick(clothes), 20) : undefined
  drawHead(dice, rider, [neck[0], neck[1] + 0.17, neck[2]], 1, skin, helmet)
}
