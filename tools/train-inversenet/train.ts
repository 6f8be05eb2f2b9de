// Trains a small InverseNet on boundaries of the demo's scenes, and plots its error on held-out scenes.
import { parseArgs } from 'node:util'
import { InverseFormError } from '@inverseform/core'
import {
  type BoundaryPairs,
  boundaryPairs,
  initializeInverseNet,
  sampleShift,
  seededRandom,
} from '@inverseform/core/training'
import { figure } from './lib/paths.js'
import { type Panel, writeFigure } from './lib/plot.js'
import { estimate, saveRegressor, tileSize, trainer } from './lib/regressor.js'
import { heldOutScenes, readBoundaries, trainingScenes } from './lib/scenes.js'

const { values } = parseArgs({
  options: { steps: { type: 'string', default: '1200' }, seed: { type: 'string', default: '1' } },
})
const [steps, seed] = [values.steps, values.seed].map(Number) as [number, number]
if (!(Number.isSafeInteger(steps) && steps > 0 && Number.isSafeInteger(seed))) {
  throw new InverseFormError(
    'invalid-argument',
    `--steps must be a positive integer and --seed an integer, got ${values.steps} and ${values.seed}.`,
  )
}
const random = seededRandom(seed)
const names = ['shift along x', 'shift along y']

const scenes = await readBoundaries()
const options = {
  random,
  transform: sampleShift,
  tileSize,
  minimumBoundary: 0.1,
  batchSize: 128,
} as const
const training = boundaryPairs(trainingScenes(scenes), { ...options, stride: [1, 1] })
const sample = { ...options, stride: [7, 7], batchSize: 512 } as const
const known = boundaryPairs(trainingScenes(scenes), sample).next().value
const unknown = boundaryPairs(heldOutScenes(scenes), sample).next().value

const [height, width] = tileSize
const weights = initializeInverseNet(random, {
  tilePixels: height * width,
  hidden: [256, 32],
  outputs: names.length,
})
const step = trainer(weights)
const curves: Record<'training' | 'heldOut', [number, number][]> = { training: [], heldOut: [] }
for (let done = 0; done <= steps; done++) {
  if (done % Math.ceil(steps / 40) === 0 || done === steps) {
    const errors = [known, unknown].map((pairs) => relativeErrors(pairs)) as [number[], number[]]
    curves.training.push([done, mean(errors[0])])
    curves.heldOut.push([done, mean(errors[1])])
    console.log(
      `step ${done}: error ${mean(errors[0]).toFixed(3)} on training scenes, ${mean(errors[1]).toFixed(3)} on held-out scenes ` +
        `(${errors[1].map((error, i) => `${names[i]} ${error.toFixed(3)}`).join(', ')})`,
    )
  }
  // The learning rate falls from 0.002 to 0 along half a cosine.
  if (done < steps) step(training.next().value, 0.001 * (1 + Math.cos((Math.PI * done) / steps)))
}

await saveRegressor(weights)
const estimates = estimate(weights, unknown)
const scatter = names.map((title, parameter): Panel => {
  const points = Array.from({ length: unknown.parameters.shape[0] }, (_, pair): [number, number] => [
    unknown.parameters.data[pair * names.length + parameter],
    estimates.data[pair * names.length + parameter],
  ])
  const [least, greatest] = [Math.min(...points.map(([x]) => x)), Math.max(...points.map(([x]) => x))]
  return {
    title: `Held-out scenes: ${title}`,
    x: 'target',
    y: 'estimated',
    series: [
      { name: '', kind: 'dots', color: '#1f6fb4', points },
      {
        name: 'exact',
        kind: 'line',
        color: '#444444',
        points: [
          [least, least],
          [greatest, greatest],
        ],
      },
    ],
  }
})
const curve: Panel = {
  title: 'Error, as a share of knowing nothing',
  x: 'step',
  y: 'root mean square error / spread',
  from: 0,
  series: [
    { name: 'scenes trained on', kind: 'line', color: '#1f6fb4', points: curves.training },
    { name: 'held-out scenes', kind: 'line', color: '#d1495b', points: curves.heldOut },
  ],
}
await writeFigure(figure('inversenet-training.svg'), [[curve, ...scatter]])

/** Returns the root mean square error of each parameter, relative to always answering the mean. */
function relativeErrors(pairs: BoundaryPairs): number[] {
  const { data } = estimate(weights, pairs)
  return names.map((_, parameter) => {
    const of = (array: ArrayLike<number>) =>
      Array.from(array).filter((_, i) => i % names.length === parameter)
    const [target, estimated] = [of(pairs.parameters.data), of(data)]
    const center = mean(target)
    const square = (errors: number[]) => mean(errors.map((error) => error * error))
    return Math.sqrt(square(target.map((t, i) => t - estimated[i])) / square(target.map((t) => t - center)))
  })
}

function mean(numbers: readonly number[]): number {
  return numbers.reduce((sum, number) => sum + number, 0) / numbers.length
}
