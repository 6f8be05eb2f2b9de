import { createCamera, type Point, strip } from './camera.js'
import { near } from './color.js'
import { createDice, type Dice } from './dice.js'
import { Drawing } from './drawing.js'
import {
  type BarrierStyle,
  drawFence,
  drawSiteFence,
  drawWall,
  fenceStyle,
  wallStyle,
} from './objects/barriers.js'
import { drawBlock, drawEnd, drawHouse, type Plot, rowShadow } from './objects/buildings.js'
import { drawBicycle, drawMotorcycle } from './objects/cycles.js'
import { drawGround, drawHood, drawSky, type Street } from './objects/ground.js'
import { drawPerson, drawRider } from './objects/people.js'
import { drawBush, drawHedge, drawTree, drawWoods } from './objects/plants.js'
import {
  drawBoard,
  drawLamp,
  drawPlainPole,
  drawSign,
  drawStatic,
  drawTrafficLight,
} from './objects/signals.js'
import { drawBus, drawCar, drawTrain, drawTruck } from './objects/vehicles.js'
import type { Pose } from './shapes.js'

/** Something to draw, after everything that is farther away. */
interface Item {
  readonly depth: number
  draw(): void
  /** On the ground. */
  readonly shadows?: readonly Point[][]
}

/** Length of the pieces that barriers are drawn in, in meters. */
const PIECE = 5

/** What lines one side of the street. */
type Row = 'blocks' | 'houses' | 'wall' | 'park'

/** What stands between the sidewalk and the plots. */
interface Barrier {
  readonly kind: 'wall' | 'fence' | 'hedge' | 'none'
  readonly style: BarrierStyle
}

/** Composes a scene of a street. The same seed gives the same scene at any size. */
export function composeScene(width: number, height: number, seed: number): Drawing {
  const dice = createDice(seed)
  const camera = createCamera(dice.fork(), width, height)
  const azimuth = dice.between(0, 2 * Math.PI)
  const rise = dice.between(0.5, 1.2)
  const drawing = new Drawing(camera, {
    sun: [Math.sin(azimuth) * Math.cos(rise), Math.sin(rise), Math.cos(azimuth) * Math.cos(rise)],
    direct: dice.chance(0.55) ? dice.between(0.35, 0.7) : dice.between(0, 0.2),
    haze: near(dice, [196, 200, 205], 20),
    sight: dice.between(90, 400),
  })
  new Composer(drawing, dice).compose()
  return drawing
}

class Composer {
  readonly #drawing: Drawing
  readonly #dice: Dice
  readonly #street: Street
  #items: Item[] = []
  /** Where vehicles stand: the bounds of x and of z. */
  #taken: (readonly [number, number, number, number])[] = []

  constructor(drawing: Drawing, dice: Dice) {
    this.#drawing = drawing
    this.#dice = dice
    const left = -dice.between(4.2, 8.5)
    const right = dice.between(1.9, 5)
    const crossingAt = dice.between(11, 30)
    this.#street = {
      left,
      right,
      walkLeft: left - dice.between(1.5, 4.5),
      walkRight: right + dice.between(1.5, 4.5),
      hasVerge: dice.chance(0.3),
      crossing: dice.chance(0.4) ? [crossingAt, crossingAt + dice.between(6, 9)] : undefined,
    }
  }

  compose(): void {
    const dice = this.#dice
    const drawing = this.#drawing
    drawSky(drawing, dice.fork())
    const backdrop = dice.fork()
    if (backdrop.chance(0.75)) drawWoods(drawing, backdrop, 180, backdrop.between(6, 22))
    drawGround(drawing, dice.fork(), this.#street)
    if (dice.chance(0.35)) {
      const [depth, fork] = [dice.between(60, 130), dice.fork()]
      this.#add(depth, () => drawEnd(drawing, fork, depth))
    }
    for (const side of [-1, 1] as const) this.#fillSide(side)
    this.#fillSidewalks()
    this.#feature()
    this.#fillRoad()
    const { direct } = drawing.light
    const shade = drawing.object('road', 5)
    for (const shadow of this.#items.flatMap(({ shadows = [] }) => shadows)) {
      shade.mark(shadow, [22, 24, 32], 0.2 + 0.35 * direct)
    }
    this.#items.sort((a, b) => b.depth - a.depth)
    for (const item of this.#items) item.draw()
    const hood = dice.fork()
    if (hood.chance(0.45)) drawHood(drawing, hood)
  }

  #add(depth: number, draw: () => void, shadows?: readonly Point[][]): void {
    this.#items.push({ depth, draw, shadows })
  }

  /** The shadow that a thing of this height throws from a strip of ground. */
  #thrown(foot: readonly Point[], high: number): Point[] {
    const [sx, sy, sz] = this.#drawing.light.sun
    return foot.map(([x, , z]): Point => [x - (sx / sy) * high, 0, z - (sz / sy) * high])
  }

  /** An oval shadow around the middle of a thing, moved away from the sun. */
  #oval(x: number, z: number, rx: number, rz: number, high = 0): Point[] {
    const oval = Array.from({ length: 14 }, (_, i): Point => {
      const angle = (Math.PI * i) / 7
      return [x + rx * Math.cos(angle), 0, z + rz * Math.sin(angle)]
    })
    return high > 0 ? this.#thrown(oval, high) : oval
  }

  #fillSide(side: -1 | 1): void {
    const dice = this.#dice
    const { walkLeft, walkRight, crossing } = this.#street
    const drawing = this.#drawing
    const edge = Math.abs(side < 0 ? walkLeft : walkRight)
    let row = dice.pick<Row>(['blocks', 'blocks', 'houses', 'houses', 'wall', 'park'])
    let barrier = this.#barrier(row)
    let isFirst = true
    for (let from = dice.between(-4, 6); from < 130; ) {
      const wide = row === 'houses' ? dice.between(9, 16) : dice.between(8, 20)
      let to = from + wide
      if (crossing && from < crossing[1] + 3 && to > crossing[0] - 3) {
        if (from < crossing[0] - 8) to = crossing[0] - 4
        else {
          from = crossing[1] + 4
          row = dice.pick<Row>(['blocks', 'blocks', 'houses', 'wall', 'park'])
          barrier = this.#barrier(row)
          continue
        }
      }
      const plot: Plot = { side, edge, from: Math.max(from, 0.6), to }
      if (to > 1.5) this.#fillPlot(plot, row, barrier, isFirst)
      isFirst = false
      from = to + (row === 'houses' ? dice.between(1, 5) : dice.chance(0.15) ? dice.between(1, 5) : 0)
      if (dice.chance(0.12)) {
        row = dice.pick<Row>(['blocks', 'houses', 'wall', 'park'])
        barrier = this.#barrier(row)
      }
    }
    // Woods close the view beside the street.
    const woods = dice.fork()
    if (dice.chance(0.4)) this.#add(150, () => drawWoods(drawing, woods, 150, woods.between(8, 20)))
  }

  #barrier(row: Row): Barrier {
    const dice = this.#dice
    const kind =
      row === 'blocks'
        ? 'none'
        : row === 'wall'
          ? 'wall'
          : dice.pick(['wall', 'fence', 'fence', 'fence', 'hedge', 'none'] as const)
    return { kind, style: kind === 'fence' ? fenceStyle(dice) : wallStyle(dice) }
  }

  #fillPlot(plot: Plot, row: Row, barrier: Barrier, isFirst: boolean): void {
    const dice = this.#dice
    const drawing = this.#drawing
    const { side, edge, from, to } = plot
    const fork = dice.fork()
    if (row === 'blocks') {
      const set = { ...plot, edge: edge + (dice.chance(0.25) ? dice.between(0.5, 3) : 0) }
      const [sx, sy] = drawing.light.sun
      const reach = Math.min(9, (Math.abs(sx) / sy) * 12)
      const isShading = sx * side > 0 && drawing.light.direct > 0.3
      this.#add(to, () => drawBlock(drawing, fork, set), isShading ? [rowShadow(set, reach)] : [])
      return
    }
    const back = dice.between(3, 8)
    if (row === 'houses') {
      this.#add(to, () => drawHouse(drawing, fork, { ...plot, edge: edge + back, from: from + 0.5 }))
    }
    const trees =
      row === 'park' ? dice.integer(2, 5) : row === 'houses' ? dice.integer(0, 2) : dice.integer(0, 3)
    for (let i = 0; i < trees; i++) {
      const x = side * (edge + (row === 'houses' ? dice.between(1, back - 0.5) : dice.between(1.5, 14)))
      this.#tree(x, dice.between(Math.max(from, 4), to))
    }
    for (let i = dice.integer(0, 2); i > 0; i--) {
      const [x, z, bush] = [
        side * (edge + dice.between(0.8, 4)),
        dice.between(Math.max(3, from), to),
        dice.fork(),
      ]
      this.#add(this.#behindBarrier(x, z), () => drawBush(drawing, bush, x, z))
    }
    if (row === 'wall' && dice.chance(0.4)) {
      const block = dice.fork()
      this.#add(to + 2, () => drawBlock(drawing, block, { ...plot, edge: edge + 8 }))
    }
    // Barriers leave an entry open now and then.
    const start = row === 'houses' && !isFirst ? from + dice.between(0, 2.5) : from
    for (let z = start; z < to && barrier.kind !== 'none'; z += PIECE) {
      const piece: Plot = { side, edge: edge + 0.1, from: z, to: Math.min(to, z + PIECE) }
      const own = dice.fork()
      this.#add(piece.to, () => {
        if (barrier.kind === 'wall') drawWall(drawing, own, piece, barrier.style)
        else if (barrier.kind === 'fence') drawFence(drawing, piece, barrier.style)
        else drawHedge(drawing, own, piece, Math.min(2, barrier.style.high))
      }, [strip(side * edge, side * (edge - 0.35), piece.from, piece.to)])
    }
  }

  #tree(x: number, z: number): void {
    const fork = this.#dice.fork()
    const size = this.#dice.between(1.2, 2.4)
    this.#add(this.#behindBarrier(x, z), () => drawTree(this.#drawing, fork, x, z), [
      this.#oval(x, z, size, size, 4),
      this.#oval(x, z, 0.5, 0.4),
    ])
  }

  /** When to draw a thing at (x, z): before the piece of a barrier that hides it. */
  #behindBarrier(x: number, z: number): number {
    const { walkLeft, walkRight } = this.#street
    const edge = x < 0 ? walkLeft : walkRight
    // The line of sight meets the barrier at edge / x of the way, in a piece that ends within its length of there.
    return x / edge > 1 ? Math.max(z, (z * edge) / x + PIECE) : z
  }

  /** A distance from `near` on; small ones are more likely, as there is more of the picture for them. */
  #distance(near: number, far: number): number {
    return near * (far / near) ** this.#dice.between(0, 1)
  }

  /** A position on the left or the right sidewalk: near the curb (0) or the plots (1). */
  #onSidewalk(share: number, side = this.#dice.pick([-1, 1])): number {
    const { left, right, walkLeft, walkRight } = this.#street
    return side < 0 ? left + (walkLeft - left) * share : right + (walkRight - right) * share
  }

  #isOnCrossing(z: number): boolean {
    const { crossing } = this.#street
    return crossing !== undefined && z > crossing[0] - 1 && z < crossing[1] + 1
  }

  #fillSidewalks(): void {
    const dice = this.#dice
    const drawing = this.#drawing
    const { crossing } = this.#street
    const post = (
      draw: (drawing: Drawing, dice: Dice, x: number, z: number) => void,
      share: number,
      z: number,
      side?: -1 | 1,
    ) => {
      if (this.#isOnCrossing(z)) return
      const fork = dice.fork()
      const x = this.#onSidewalk(share, side)
      this.#add(z, () => draw(drawing, fork, x, z), [this.#oval(x, z, 0.25, 0.2)])
    }
    for (const side of [-1, 1] as const) {
      const spacing = dice.between(13, 30)
      if (dice.chance(0.7)) {
        for (let z = dice.between(5, 12); z < 80; z += spacing) post(drawLamp, 0.15, z, side)
      }
      const trees = dice.between(7, 13)
      if (dice.chance(0.3)) {
        for (let z = dice.between(7, 14); z < 80; z += trees) {
          if (!this.#isOnCrossing(z)) this.#tree(this.#onSidewalk(0.25, side), z + dice.between(-1, 1))
        }
      }
    }
    for (let i = dice.integer(1, 5); i > 0; i--) {
      post(drawPlainPole, dice.between(0.08, 0.9), this.#distance(4.5, 40))
    }
    for (let i = dice.integer(2, 5); i > 0; i--) {
      post(drawSign, dice.between(0.12, 0.35), this.#distance(4.5, 40))
    }
    if (dice.chance(0.35)) post(drawBoard, 0.4, this.#distance(9, 40))
    if (crossing) {
      for (const side of [-1, 1] as const) {
        if (dice.chance(0.85)) post(drawTrafficLight, 0.15, crossing[0] - 1.5, side)
        if (dice.chance(0.6)) post(drawTrafficLight, 0.15, crossing[1] + 1.5, side)
      }
    }
    for (let i = dice.integer(0, 2); i > 0; i--) post(drawTrafficLight, 0.18, this.#distance(5, 35))
    for (let i = dice.integer(0, 2); i > 0; i--) {
      post(drawStatic, dice.between(0.15, 0.9), this.#distance(4, 30))
    }
    for (let i = dice.integer(2, 7); i > 0; i--) {
      const [share, z, side] = [dice.between(0.1, 0.95), this.#distance(4.5, 45), dice.pick([-1, 1] as const)]
      for (let k = dice.chance(0.35) ? dice.integer(2, 4) : 1; k > 0; k--) {
        this.#person(
          this.#onSidewalk(share, side) + dice.between(-0.6, 0.6) * (k > 1 ? 1 : 0),
          z + dice.between(0, 1.2),
        )
      }
    }
    for (let i = dice.integer(0, 3); i > 0; i--) {
      const [x, z] = [this.#onSidewalk(dice.between(0.1, 0.9)), this.#distance(4, 25)]
      const yaw = dice.between(0, 2 * Math.PI)
      for (let k = 0; k < (dice.chance(0.4) ? dice.integer(2, 5) : 1); k++) {
        this.#cycle('bicycle', { x, z: z + k * 0.6, yaw: yaw + dice.between(-0.15, 0.15) })
      }
    }
    if (dice.chance(0.4)) {
      this.#cycle('motorcycle', {
        x: this.#onSidewalk(0.12),
        z: this.#distance(4.5, 22),
        yaw: dice.between(0, 2 * Math.PI),
      })
    }
  }

  #person(x: number, z: number, yaw = this.#dice.between(0, 2 * Math.PI)): void {
    const fork = this.#dice.fork()
    this.#add(z, () => drawPerson(this.#drawing, fork, { x, z, yaw }), [
      this.#oval(x, z, 0.35, 0.3),
      this.#shadowOf(x, z, 1.6, 0.2),
    ])
  }

  /** The long shadow of a thin thing. */
  #shadowOf(x: number, z: number, high: number, half: number): Point[] {
    const foot: Point[] = [
      [x - half, 0, z],
      [x + half, 0, z],
    ]
    return [...foot, ...this.#thrown(foot, high).reverse()]
  }

  #cycle(kind: 'bicycle' | 'motorcycle', pose: Pose, hasRider = false): void {
    const [vehicle, rider] = [this.#dice.fork(), this.#dice.fork()]
    if (hasRider && !this.#take(pose.x, pose.z, 0.5, 0.9)) return
    const shadow = this.#oval(
      pose.x,
      pose.z,
      0.3 + 0.6 * Math.abs(Math.sin(pose.yaw)),
      0.3 + 0.6 * Math.abs(Math.cos(pose.yaw)),
    )
    this.#add(pose.z, () => {
      const draw = kind === 'bicycle' ? drawBicycle : drawMotorcycle
      draw(this.#drawing, vehicle, pose)
      if (hasRider) drawRider(this.#drawing, rider, pose, kind === 'motorcycle')
    }, [shadow])
  }

  /** Takes a place on the road, unless something stands there. */
  #take(x: number, z: number, rx: number, rz: number): boolean {
    const [left, right, low, high] = [x - rx, x + rx, z - rz, z + rz]
    if (this.#taken.some(([a, b, c, d]) => left < b && right > a && low < d && high > c)) return false
    this.#taken.push([left, right, low, high])
    return true
  }

  /** A vehicle whose near end is `z` meters away, if it has room there. */
  #vehicle(kind: 'car' | 'truck' | 'bus' | 'train', { x, z, yaw }: Pose): void {
    const fork = this.#dice.fork()
    const draw = { car: drawCar, truck: drawTruck, bus: drawBus, train: drawTrain }[kind]
    const [half, length] = { car: [0.95, 2.2], truck: [1.25, 4], bus: [1.3, 5.5], train: [1.35, 14] }[kind]
    const corners: [number, number][] = [
      [-1, -1],
      [1, -1],
      [1, 1],
      [-1, 1],
    ]
    const [sin, cos] = [Math.sin(yaw), Math.cos(yaw)]
    const [rx, rz] = [
      half * Math.abs(cos) + length * Math.abs(sin),
      half * Math.abs(sin) + length * Math.abs(cos),
    ]
    const pose: Pose = { x, z: z + rz, yaw }
    if (!this.#take(x, pose.z, rx + 0.1, rz + 0.5)) return
    const foot = (by: number) =>
      corners.map(([a, b]): Point => {
        const [w, l] = [a * half * by, b * length * (by > 1 ? (length + half * (by - 1)) / length : by)]
        return [pose.x + w * cos + l * sin, 0, pose.z - w * sin + l * cos]
      })
    this.#add(pose.z, () => draw(this.#drawing, fork, pose), [foot(1.1), foot(1.3), this.#thrown(foot(1), 1)])
  }

  #fillRoad(): void {
    const dice = this.#dice
    const { left, right, crossing } = this.#street
    const AWAY = 0
    const TOWARD = Math.PI
    const other = () => dice.pick(['car', 'car', 'car', 'car', 'truck', 'bus'] as const)
    const slight = () => dice.between(-0.06, 0.06)
    // Parked cars.
    for (const [x, yaw] of [
      [right - 1, AWAY],
      [left + 1, TOWARD],
    ] as const) {
      if (right - left < 7.5 || !dice.chance(0.55)) continue
      for (let z = dice.between(5, 16); z < 60; z += dice.between(5.4, 13)) {
        if (!this.#isOnCrossing(z)) {
          this.#vehicle(dice.chance(0.92) ? 'car' : 'truck', { x, z, yaw: yaw + slight() })
        }
      }
    }
    // Traffic ahead and from ahead.
    for (let z = this.#distance(7, 40); z < 90; z += dice.between(10, 40)) {
      this.#vehicle(other(), { x: dice.between(-0.4, Math.max(0, right - 2.8)), z, yaw: AWAY + slight() })
    }
    for (let z = this.#distance(6, 30); z < 90; z += dice.between(9, 40)) {
      this.#vehicle(other(), { x: dice.between(Math.max(left + 3, -4), -2.7), z, yaw: TOWARD + slight() })
    }
    if (crossing && dice.chance(0.7)) {
      for (let i = dice.integer(1, 2); i > 0; i--) {
        const [x, z] = [dice.between(-12, 12), dice.between(crossing[0] + 1.5, crossing[1] - 1.5)]
        this.#vehicle(other(), { x, z, yaw: dice.pick([-1, 1]) * (Math.PI / 2) + slight() })
      }
    }
    if (crossing) {
      for (let i = dice.integer(0, 4); i > 0; i--) {
        this.#person(
          dice.between(left, right),
          crossing[0] - dice.between(1, 3.4),
          (dice.pick([-1, 1]) * Math.PI) / 2,
        )
      }
    }
    for (let i = dice.integer(0, 2); i > 0; i--) this.#riding(this.#distance(5, 30))
  }

  /** A bicycle or motorcycle with its rider on the road. */
  #riding(z: number, kind = this.#dice.pick(['bicycle', 'bicycle', 'motorcycle'] as const)): void {
    const dice = this.#dice
    const { left, right } = this.#street
    const isAcross = dice.chance(0.3)
    const isAway = dice.chance(0.6)
    const x = isAcross
      ? dice.between(left, right)
      : isAway
        ? right - dice.between(0.4, 1.4)
        : left + dice.between(0.4, 2)
    const yaw =
      (isAcross ? dice.pick([-1, 1]) * (Math.PI / 2) : isAway ? 0 : Math.PI) + dice.between(-0.5, 0.5)
    this.#cycle(kind, { x, z, yaw }, true)
  }

  /** Puts two or three things that are rare in a street where they can be seen well. */
  #feature(): void {
    const dice = this.#dice
    const drawing = this.#drawing
    const { left, right } = this.#street
    const rare: readonly (() => void)[] = [
      () =>
        this.#vehicle('train', {
          x: dice.between(left + 1.5, -2.4),
          z: dice.between(7, 18),
          yaw: Math.PI + dice.between(-0.12, 0.05),
        }),
      () =>
        this.#vehicle('train', {
          x: dice.between(-8, 8),
          z: dice.between(11, 24),
          yaw: (dice.pick([-1, 1]) * Math.PI) / 2 + dice.between(-0.2, 0.2),
        }),
      () =>
        this.#vehicle('train', {
          x: dice.between(-1.5, Math.max(-0.5, right - 2.5)),
          z: dice.between(9, 20),
          yaw: dice.between(-0.1, 0.1),
        }),
      () =>
        this.#vehicle('bus', {
          x: dice.between(left + 1.5, -2.4),
          z: dice.between(7, 15),
          yaw: Math.PI + dice.between(-0.1, 0.1),
        }),
      () =>
        this.#vehicle('bus', {
          x: dice.between(-6, 6),
          z: dice.between(9, 18),
          yaw: dice.between(0.5, 2.6) * dice.pick([-1, 1]),
        }),
      () =>
        this.#vehicle('truck', {
          x: dice.between(left + 1.5, -2.4),
          z: dice.between(6.5, 13),
          yaw: Math.PI + dice.between(-0.1, 0.1),
        }),
      () =>
        this.#vehicle('truck', {
          x: dice.between(0, Math.max(0.5, right - 1.4)),
          z: dice.between(7.5, 14),
          yaw: dice.between(-0.15, 0.15),
        }),
      () =>
        this.#vehicle('truck', {
          x: dice.between(-6, 6),
          z: dice.between(8, 16),
          yaw: dice.between(0.5, 2.6) * dice.pick([-1, 1]),
        }),
      () => this.#riding(dice.between(4.5, 9), 'motorcycle'),
      () => this.#riding(dice.between(4.5, 8), 'bicycle'),
      () =>
        this.#cycle('motorcycle', {
          x: this.#onSidewalk(dice.between(-0.2, 0.3)),
          z: dice.between(4, 7),
          yaw: dice.between(0.6, 2.5),
        }),
      () =>
        this.#cycle('bicycle', {
          x: this.#onSidewalk(dice.between(0.1, 0.6)),
          z: dice.between(3.6, 6),
          yaw: dice.between(0.6, 2.5),
        }),
      () => this.#person(this.#onSidewalk(dice.between(-0.2, 0.5)), dice.between(4, 7)),
      () => this.#post(drawSign, this.#onSidewalk(0.1), dice.between(4, 6.5)),
      () => this.#post(drawBoard, this.#onSidewalk(0.3), dice.between(8, 15)),
      () => this.#post(drawTrafficLight, this.#onSidewalk(0.1), dice.between(4.5, 7.5)),
      () => {
        const [fork, z, x] = [dice.fork(), dice.between(6, 14), this.#onSidewalk(dice.between(0, 0.6))]
        this.#add(z, () => drawSiteFence(drawing, fork, x - 1, z, fork.between(2, 4)))
      },
    ]
    const chosen = new Set<number>()
    while (chosen.size < dice.integer(2, 3)) chosen.add(dice.integer(0, rare.length - 1))
    for (const i of chosen) rare[i]()
  }

  #post(draw: (drawing: Drawing, dice: Dice, x: number, z: number) => void, x: number, z: number): void {
    const fork = this.#dice.fork()
    this.#add(z, () => draw(this.#drawing, fork, x, z), [this.#oval(x, z, 0.25, 0.2)])
  }
}
