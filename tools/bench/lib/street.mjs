import { drawPolygons, labelImage, trainIdToLabelId } from '@inverseform/cityscapes'

/**
 * Draws a synthetic street in label ids and a plausible prediction: outlines displaced by a few pixels, patches of wrong
 * classes, and a class wherever the target has none. The same seed gives the same street.
 */
export function street(seed, width = 2048, height = 1024) {
  const random = mulberry32(seed)
  const drawn = drawPolygons({
    name: `street ${seed}`,
    width,
    height,
    objects: objects(random, width, height),
  })
  const target = labelImage(drawn, 'labelIds').data
  const instanceIds = labelImage(drawn, 'instanceIds').data
  return { width, height, target, instanceIds, prediction: predict(target, random, width, height) }
}

/** Returns a generator of uniform numbers in [0, 1), by Tommy Ettinger (public domain). */
function mulberry32(seed) {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let z = Math.imul(state ^ (state >>> 15), state | 1)
    z ^= z + Math.imul(z ^ (z >>> 7), z | 61)
    return ((z ^ (z >>> 14)) >>> 0) / 2 ** 32
  }
}

/** Returns outlined objects from back to front, as an annotator draws them. */
function objects(random, width, height) {
  const between = (low, high) => low + (high - low) * random()
  const times = (low, high) => Math.round(between(low, high))
  const scene = []
  const add = (label, points) =>
    scene.push({ label, points: Float64Array.from(points, Math.round), deleted: false })
  const box = (label, x, y, w, h) => add(label, [x, y, x + w, y, x + w, y + h, x, y + h])
  /** Adds an outline with `corners` corners around a center. `ragged` varies the radius, as a share of it. */
  const blob = (label, x, y, rx, ry, corners, ragged) =>
    add(
      label,
      Array.from({ length: corners }, (_, i) => (2 * Math.PI * i) / corners).flatMap((angle) => {
        const r = 1 + ragged * (random() - 0.5)
        return [x + r * rx * Math.cos(angle), y + r * ry * Math.sin(angle)]
      }),
    )
  const horizon = height * between(0.38, 0.46)
  /** Returns how near a row below the horizon is: 0 at the horizon, 1 at the bottom. */
  const near = (y) => (y - horizon) / (height - horizon)

  box('sky', 0, 0, width, height)
  for (let x = -50; x < width; ) {
    const w = between(0.05, 0.16) * width
    box('building', x, between(0, 0.3) * height, w, height)
    x += w * between(0.85, 1.1)
  }
  for (let i = times(8, 16); i > 0; i--) {
    blob(
      'vegetation',
      between(0, width),
      between(0.1, 0.42) * height,
      between(30, 180),
      between(40, 160),
      60,
      0.35,
    )
  }
  box('sidewalk', 0, horizon, width, height)
  for (let i = times(1, 4); i > 0; i--) {
    blob(
      'terrain',
      between(0, width),
      between(horizon, height * 0.7),
      between(60, 260),
      between(10, 50),
      40,
      0.3,
    )
  }
  const vanishing = between(0.4, 0.6) * width
  add('road', [vanishing - 60, horizon, vanishing + 60, horizon, width * 1.2, height, -width * 0.2, height])
  if (random() < 0.3) box('train', between(0, width * 0.8), horizon - 90, between(200, 420), 150)
  for (const label of ['wall', 'fence', 'guard rail', 'parking']) {
    if (random() < 0.5) box(label, between(0, width), horizon - 20, between(80, 400), between(40, 90))
  }
  const vehicles = {
    car: [6, 18, 1.7],
    truck: [0, 1, 1],
    bus: [0, 1, 1.2],
    motorcycle: [0, 2, 0.9],
    bicycle: [1, 6, 1.1],
  }
  for (const [label, [low, high, shape]] of Object.entries(vehicles)) {
    for (let i = times(low, high); i > 0; i--) {
      const y = horizon + (height * 0.85 - horizon) * random() ** 2.5
      const ry = 12 + 130 * near(y) * (label === 'truck' || label === 'bus' ? 1.8 : 1)
      blob(label, between(0, width), y, ry * shape, ry, 24, 0.15)
    }
  }
  for (let i = times(4, 20); i > 0; i--) {
    const y = horizon + (height * 0.8 - horizon) * random() ** 2
    const ry = 20 + 170 * near(y)
    blob(random() < 0.15 ? 'rider' : 'person', between(0, width), y, ry * 0.3, ry, 30, 0.25)
  }
  box('cargroup', between(0, width), horizon, between(60, 200), 30)
  for (let i = times(6, 14); i > 0; i--) {
    const [x, y, w] = [between(0, width), horizon + between(0, 200), between(4, 16)]
    box('pole', x, y - between(200, 420), w, 420)
    box('traffic sign', x - w, y - 220, between(20, 60), between(20, 60))
    if (random() < 0.5) box('traffic light', x + w, y - 330, between(14, 30), between(40, 80))
  }
  for (let i = times(2, 8); i > 0; i--) {
    blob('static', between(0, width), between(horizon, height), 30, 20, 12, 0.3)
  }
  blob('ego vehicle', width / 2, height * 1.02, width * 0.48, height * 0.14, 80, 0)
  for (const edge of [
    [0, 0, width, 5],
    [0, height - 5, width, 5],
    [0, 0, 5, height],
    [width - 5, 0, 5, height],
  ]) {
    box('out of roi', ...edge)
  }
  return scene
}

function predict(target, random, width, height) {
  const [dx, dy] = [0, 0].map(() => smoothNoise(random, width, height, 24, 3.5))
  const [raggedX, raggedY] = [0, 0].map(() => smoothNoise(random, width, height, 4, 1.2))
  const prediction = new Uint8Array(target.length)
  const road = 7
  // Keeps the label ids of the 19 classes and replaces all others with road.
  const known = new Uint8Array(256).fill(road)
  for (const id of trainIdToLabelId.subarray(0, 19)) known[id] = id
  const clamp = (value, end) => Math.max(0, Math.min(end - 1, Math.round(value)))
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      const sourceX = clamp(x + dx[i] + raggedX[i], width)
      const sourceY = clamp(y + dy[i] + raggedY[i], height)
      prediction[i] = known[target[sourceY * width + sourceX]]
    }
  }
  for (let patch = 0; patch < 40; patch++) {
    const id = trainIdToLabelId[Math.floor(19 * random())]
    const [x, y, r] = [random() * width, random() * height, 4 + 36 * random() ** 2].map(Math.floor)
    for (let v = Math.max(0, y - r); v < Math.min(height, y + r); v++) {
      for (let u = Math.max(0, x - r); u < Math.min(width, x + r); u++) {
        if ((u - x) ** 2 + (v - y) ** 2 < r * r) prediction[v * width + u] = id
      }
    }
  }
  return prediction
}

/** Returns noise in [-amplitude, amplitude], interpolated between random values `step` pixels apart. */
function smoothNoise(random, width, height, step, amplitude) {
  const columns = Math.ceil(width / step) + 1
  const grid = Float32Array.from(
    { length: columns * (Math.ceil(height / step) + 1) },
    () => amplitude * (2 * random() - 1),
  )
  const noise = new Float32Array(width * height)
  for (let y = 0, i = 0; y < height; y++) {
    const row = Math.floor(y / step)
    const v = y / step - row
    for (let x = 0; x < width; x++, i++) {
      const column = Math.floor(x / step)
      const u = x / step - column
      const at = row * columns + column
      const above = grid[at] * (1 - u) + grid[at + 1] * u
      const below = grid[at + columns] * (1 - u) + grid[at + columns + 1] * u
      noise[i] = above * (1 - v) + below * v
    }
  }
  return noise
}
