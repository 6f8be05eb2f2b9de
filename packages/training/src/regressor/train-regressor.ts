import type { InverseNetWeights } from '@inverseform/core'
import {
  type BoundaryMap,
  type BoundaryPairs,
  boundaryPairs,
  initializeInverseNet,
  sampleAffine,
  sampleHomography,
  sampleShift,
  sampleShiftAndScale,
  type Transform,
  transformMatrix,
} from '@inverseform/core/training'
import { checkInteger, checkNumber, checkOneOf, InverseFormError } from '@inverseform/errors'
import { type Random, seededRandom } from '@inverseform/shared'
import { normOf } from '../optimizers.js'
import { scheduleFactor } from '../schedules.js'
import type { OpenSession } from '../session.js'
import type { StepTensor } from '../tape.js'
import { degrade, type RegressorBatch } from './degrade.js'
import { RegressorStep } from './step.js'

/** The transformations that a regressor can learn: their names, parameters and the loss's distance for them. */
const transforms = {
  shift: { sample: sampleShift, distance: 'coefficients', parameters: ['shift x', 'shift y'] },
  'shift-and-scale': {
    sample: sampleShiftAndScale,
    distance: 'coefficients',
    parameters: ['shift x', 'shift y', 'scale x', 'scale y'],
  },
  affine: { sample: sampleAffine, distance: 'euclidean', parameters: ['a', 'b', 'c', 'd', 'e', 'f'] },
  homography: {
    sample: sampleHomography,
    distance: 'geodesic',
    parameters: ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'],
  },
} as const

export type RegressorTransform = keyof typeof transforms

/** Names of the transformations. */
export const regressorTransforms = Object.keys(transforms) as readonly RegressorTransform[]

/** Returns the distance of the InverseForm loss that fits a transformation; undefined for an unknown one. */
export function regressorDistance(transform: string): 'coefficients' | 'euclidean' | 'geodesic' | undefined {
  return Object.hasOwn(transforms, transform)
    ? transforms[transform as RegressorTransform].distance
    : undefined
}

export interface RegressorOptions {
  /** Boundaries to train on, at the scale of the maps that the loss cuts into tiles. */
  readonly boundaryMaps: readonly BoundaryMap[]
  /** Boundaries to measure the error on; without them, the error is measured on `boundaryMaps`. */
  readonly heldOutMaps?: readonly BoundaryMap[]
  /** [height, width] of tiles in pixels. Default [224, 224]. */
  readonly tileSize?: readonly [height: number, width: number]
  /** Units of the hidden layers. Default [1000, 32]. */
  readonly hidden?: readonly [number, number]
  /** Default `shift-and-scale`, whose 4 parameters are those of the published InverseNet. */
  readonly transform?: RegressorTransform
  readonly steps: number
  /** Default 128. */
  readonly batchSize?: number
  /** It falls to 0 along half a cosine. Default 0.001. */
  readonly learningRate?: number
  /** Default 1. */
  readonly seed?: number
  /** Skips tiles whose mean is below this. Default 0.01. */
  readonly minimumBoundary?: number
  /**
   * Whether predictions look like those of a network: blurred, soft, noisy, incomplete (default). Otherwise they are exact copies of
   * boundaries, as in the paper.
   */
  readonly degrade?: boolean
  /** Called after each step. */
  onStep?(step: RegressorStepResult): void
  /** Compiles graphs, such as `nodeSession` of `@inverseform/training/node`. */
  readonly openSession: OpenSession
  readonly signal?: AbortSignal
}

export interface RegressorStepResult {
  /** From 1. */
  readonly step: number
  readonly loss: number
  readonly learningRate: number
}

export interface TrainedRegressor {
  /** Weights as `inverseNet` of `@inverseform/core` takes them. */
  readonly weights: InverseNetWeights<StepTensor>
  /** The errors for exact copies of boundaries, as in the paper. */
  readonly exact: RegressorErrors
  /** The errors for predictions as a network makes them. */
  readonly degraded: RegressorErrors
}

/**
 * Root mean square error of each parameter by its name, divided by the parameter's spread. Always answering the mean gives 1.
 */
export type RegressorErrors = Readonly<Record<string, number>>

/** Share of the pairs without displacement. The loss should be smallest there. */
const ALIGNED = 0.15
const MOST_PLACES = 500_000
/** Batches that the error is measured on. */
const MEASURED = 16

/**
 * Trains InverseNet, the regressor of the InverseForm loss, on boundaries and their transformed copies.
 *
 * Source: the InverseForm paper (arXiv 2104.02745), section 3. Small transformations are more frequent here than large ones, and
 * predictions look like those of a network (`degrade`), so that the loss leads a network all the way to the boundary.
 *
 * @throws InverseFormError `invalid-argument` for an invalid option, or boundaries without a tile to train on; `training-diverged`
 *   when the loss is not finite
 */
export async function trainRegressor(options: RegressorOptions): Promise<TrainedRegressor> {
  const { boundaryMaps, heldOutMaps = boundaryMaps, steps, signal } = options
  const { tileSize = [224, 224], hidden = [1000, 32], transform = 'shift-and-scale' } = options
  const { batchSize = 128, learningRate = 0.001, seed = 1 } = options
  const { minimumBoundary = 0.01, degrade: degrades = true } = options
  checkInteger('steps', steps, { min: 1 })
  checkNumber('learningRate', learningRate, { above: 0 })
  checkInteger('seed', seed)
  checkOneOf('transform', transform, regressorTransforms)
  const { sample, distance, parameters } = transforms[transform]
  const pairs = (maps: readonly BoundaryMap[], random: Random) =>
    boundaryPairs(maps, {
      random,
      transform: (of) => weakened(sample(of), of),
      tileSize,
      stride: strideOf(maps, tileSize),
      minimumBoundary,
      batchSize,
    })
  const random = seededRandom(seed)
  const batches = pairs(boundaryMaps, random)
  const heldOut = pairs(heldOutMaps, seededRandom(seed + 1))
  const weights = initializeInverseNet(random, {
    tilePixels: tileSize[0] * tileSize[1],
    hidden,
    outputs: parameters.length,
  })
  const network = new RegressorStep({
    weights,
    tileSize,
    batchSize,
    distance,
    openSession: options.openSession,
  })
  try {
    for (let step = 1; step <= steps; step++) {
      signal?.throwIfAborted()
      const batch = batches.next().value
      const rate =
        learningRate * scheduleFactor({ name: 'cosine', warmup: Math.min(100, steps >> 4) }, step - 1, steps)
      const loss = await network.train(degrades ? degrade(batch, random) : exact(batch), rate)
      if (!Number.isFinite(loss)) throw diverged(loss, step)
      options.onStep?.({ step, loss, learningRate: rate })
    }
    const values = Object.values(network.weights).map(({ data }) => normOf(data))
    const broken = values.find((norm) => !Number.isFinite(norm))
    if (broken !== undefined) throw diverged(broken, steps)
    const measured = Array.from({ length: MEASURED }, () => heldOut.next().value)
    const noise = seededRandom(seed + 2)
    return {
      weights: network.weights,
      exact: await relativeErrors(network, measured.map(exact), parameters),
      degraded: await relativeErrors(
        network,
        measured.map((batch) => degrade(batch, noise)),
        parameters,
      ),
    }
  } finally {
    await network.close()
  }
}

/** Returns a quarter of a tile, or more where all places of tiles would take too much memory. */
function strideOf(
  maps: readonly BoundaryMap[],
  tileSize: readonly [number, number],
): readonly [number, number] {
  const pixels = maps.reduce((sum, { data }) => sum + data.length, 0)
  const least = Math.ceil(Math.sqrt(pixels / MOST_PLACES))
  return [Math.max(least, tileSize[0] >> 2), Math.max(least, tileSize[1] >> 2)]
}

/** Moves a transformation toward the identity by a random share, which is all of it for some. */
function weakened({ parameters }: Transform, random: Random): Transform {
  const strength = random() < ALIGNED ? 0 : random()
  const homogeneous = parameters.length > 4
  const weaker = parameters.map((value, i) => {
    const neutral = homogeneous && i % 4 === 0 ? 1 : 0
    return neutral + strength * (value - neutral)
  })
  return { matrix: transformMatrix(weaker), parameters: weaker }
}

function exact({ tiles, warped, parameters }: BoundaryPairs): RegressorBatch {
  return {
    tiles: Float32Array.from(tiles.data),
    predictions: Float32Array.from(warped.data),
    parameters: Float32Array.from(parameters.data),
  }
}

async function relativeErrors(
  network: RegressorStep,
  batches: readonly RegressorBatch[],
  names: readonly string[],
): Promise<RegressorErrors> {
  const squares = names.map(() => 0)
  const values: number[][] = names.map(() => [])
  for (const batch of batches) {
    const estimates = await network.estimate(batch)
    for (let i = 0; i < estimates.length; i++) {
      squares[i % names.length] += (estimates[i] - batch.parameters[i]) ** 2
      values[i % names.length].push(batch.parameters[i])
    }
  }
  return Object.fromEntries(
    names.map((name, i) => {
      const mean = values[i].reduce((sum, value) => sum + value, 0) / values[i].length
      const spread = values[i].reduce((sum, value) => sum + (value - mean) ** 2, 0)
      return [name, Math.sqrt(squares[i] / spread)]
    }),
  )
}

function diverged(loss: number, step: number): InverseFormError {
  return new InverseFormError('training-diverged', `The loss of the regressor is ${loss} in step ${step}.`, {
    hint: 'Use a lower learning rate.',
    details: { step, loss },
  })
}
