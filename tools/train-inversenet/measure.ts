// Measures smallInverseNet on boundaries that it was not trained on: how the loss grows with displacement, and where it leads.
import { inverseFormLoss, inverseNet } from '@inverseform/core'
import { arrayOps, valueAndGrad } from '@inverseform/core/array'
import { smallInverseNet } from '@inverseform/core/small-inverse-net'
import { boundaryPairs, seededRandom } from '@inverseform/core/training'
import { trainingScenes } from './lib/paths.js'
import { readBoundaries } from './lib/scenes.js'

const side = 28
const pairs = 400
const ops = arrayOps()
const { weights } = smallInverseNet()
const regressor = inverseNet(ops, weights)
const maps = await readBoundaries(trainingScenes, 'val', 2)
const shape = [pairs, 1, side, side]

/** Returns tiles and copies that are displaced by a distance in random directions. */
function displaced(distance: number, look: (edge: number) => number) {
  const transform = (random: () => number) => {
    const angle = 2 * Math.PI * random()
    const [x, y] = [(2 * distance * Math.cos(angle)) / side, (2 * distance * Math.sin(angle)) / side]
    return { matrix: [1, 0, x, 0, 1, y, 0, 0, 1] as const, parameters: [x, y] }
  }
  const options = { transform, tileSize: [side, side], minimumBoundary: 0.04, batchSize: pairs } as const
  const { tiles, warped } = boundaryPairs(maps, { ...options, random: seededRandom(5) }).next().value
  return {
    target: ops.constant(tiles.data, shape),
    prediction: ops.constant(Float32Array.from(warped.data, look), shape),
  }
}

/** Returns the loss of each tile, and the share of tiles whose loss falls as the prediction moves toward the target. */
function measure({ target, prediction }: ReturnType<typeof displaced>) {
  const losses: number[] = []
  let led = 0
  for (let i = 0; i < pairs; i++) {
    const [p, t] = [prediction, target].map((tiles) => ops.slice(tiles, [i, 0, 0, 0], [1, 1, side, side]))
    const { value, gradients } = valueAndGrad((x) => ops.sqrt(ops.sum(square(regressor(ops, x, t)))))(p)
    losses.push(value)
    const slope = ops.sum(ops.multiply(gradients[0], ops.subtract(t, p))).data[0]
    if (slope < 0) led++
  }
  return { losses, led: led / pairs }
}

const square = (x: Parameters<typeof ops.add>[0]) => ops.multiply(x, x)
const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length

const looks = {
  crisp: (edge: number) => edge,
  soft: (edge: number) => 1 / (1 + Math.exp(-6 * (edge - 0.5))),
  faint: (edge: number) => 1 / (1 + Math.exp(-3 * (edge - 0.5))),
}
for (const [name, look] of Object.entries(looks)) {
  const aligned = measure(displaced(0, look))
  console.log(`${name}: aligned ${mean(aligned.losses).toFixed(3)}`)
  for (const distance of [1, 2, 3, 4, 6, 8]) {
    const { losses, led } = measure(displaced(distance, look))
    const greater = losses.filter((loss, i) => loss > aligned.losses[i]).length / pairs
    console.log(
      `  ${distance} px: ${mean(losses).toFixed(3)}, above aligned in ${(100 * greater).toFixed(1)} % of tiles, leads to the target in ${(100 * led).toFixed(1)} %`,
    )
  }
}
const { target } = displaced(0, looks.crisp)
for (const value of [0, 0.02, 0.5]) {
  const prediction = ops.constant(new Float32Array(pairs * side * side).fill(value), shape)
  console.log(`probability ${value} everywhere: ${mean(measure({ target, prediction }).losses).toFixed(3)}`)
}
// Whole maps: scenes at two sizes, displaced along both axes.
for (const reduction of [1, 2]) {
  const [{ data, height, width }] = await readBoundaries(trainingScenes, 'val', reduction)
  const { options } = smallInverseNet([height, width])
  const values = [0, 1, 2, 4, 8].map((shift) => {
    const moved = Float32Array.from({ length: height * width }, (_, p) => {
      const [y, x] = [Math.floor(p / width) - shift, (p % width) - shift]
      return 8 * ((y >= 0 && x >= 0 ? data[y * width + x] : 0) - 0.5)
    })
    const edgeLogits = ops.constant(moved, [1, 1, height, width])
    const inputs = { edgeLogits, edgeTarget: Uint8Array.from(data), regressor }
    return inverseFormLoss(ops, inputs, options).data[0].toFixed(3)
  })
  console.log(`a scene of ${height}x${width}, moved by 0, 1, 2, 4 and 8 px: ${values.join(', ')}`)
}
