import { modelInfo, requiredParameters, type SegmentationModelName } from '@inverseform/backbones'
import { gradientName } from '@inverseform/backbones/graph'
import { checkInteger, checkNumber, checkOneOf, InverseFormError } from '@inverseform/errors'
import { product, seededRandom } from '@inverseform/shared'
import type { Batch } from './batch.js'
import { DIVERGED_HINT } from './diverged.js'
import { initialValues, isNormOrBias, isStatistic } from './initialize.js'
import { type LossName, type LossOptions, lossByName, lossNames, type TrainingLoss } from './losses.js'
import { stepBytes } from './memory.js'
import { trainingNetwork } from './network.js'
import { clipToNorm, createOptimizer, normOf, type Optimizer, type OptimizerOptions } from './optimizers.js'
import { type ScheduleOptions, scheduleFactor, scheduleNames } from './schedules.js'
import type { OpenSession, StepSession } from './session.js'
import { type RegressorWeights, StepGraph } from './step-graph.js'
import type { StepTensor } from './tape.js'

export interface TrainerOptions {
  readonly model: SegmentationModelName
  /** Default 19. */
  readonly numClasses?: number
  /** `joint` (default), another name, or a function. */
  readonly loss?: LossName | TrainingLoss
  /** Options of the named losses. */
  readonly lossOptions?: LossOptions
  /** Weights of the InverseNet of the loss `joint`. They stay as they are. */
  readonly regressor?: RegressorWeights
  /** Whether to train the edge head. By default, unless the loss is `cross-entropy`. */
  readonly edgeHead?: boolean
  /** Whether to train with the auxiliary heads. Default true. */
  readonly auxiliaryHeads?: boolean
  /** Default: SGD. */
  readonly optimizer?: OptimizerOptions
  /** Whether weight decay spares biases and normalizations. Default false, as in the published recipe. */
  readonly decayWeightsOnly?: boolean
  /** Default 0.01. */
  readonly learningRate?: number
  /** Default: poly with power 0.9. */
  readonly schedule?: ScheduleOptions
  /** Steps of the whole run, which the schedule spans. */
  readonly steps: number
  readonly batchSize: number
  /** [height, width] in pixels */
  readonly cropSize: readonly [height: number, width: number]
  /** Batches per step, whose gradients are averaged. Default 1. */
  readonly accumulate?: number
  /** Largest global norm of the gradients; without it, they are not clipped. */
  readonly clip?: number
  /** Decay of the exponential moving average of the weights, such as 0.999; without it, there is none. */
  readonly ema?: number
  /** Names of parts that are not trained, such as `backbone`. Their normalizations use running statistics. */
  readonly freeze?: readonly string[]
  /** Seed of the initial weights. Default 1. */
  readonly seed?: number
}

export interface StepResult {
  /** The step just done, from 1. */
  readonly step: number
  readonly loss: number
  /** The terms of the loss before their factors. */
  readonly terms: Readonly<Record<string, number>>
  readonly learningRate: number
  /** Euclidean norm of all gradients before clipping. */
  readonly gradientNorm: number
}

/** What PyTorch's BatchNorm2d takes of each batch. */
const MOMENTUM = 0.1

/** Trains a network, a step at a time. */
export class Trainer {
  readonly #settings: Settings
  readonly #state: TrainingState
  readonly #openSession: OpenSession
  #compiled: { readonly graph: StepGraph; readonly session: StepSession } | undefined

  /** @param openSession compiles graphs, such as `nodeSession` of `@inverseform/training/node` */
  constructor(options: TrainerOptions, openSession: OpenSession) {
    this.#settings = settingsOf(options)
    // Fails for crops that are too small, before anything is read.
    trainingNetwork(this.#settings.network)
    this.#state = new TrainingState(this.#settings)
    this.#openSession = openSession
  }

  /** Number of steps done. */
  get stepsDone(): number {
    return this.#state.step
  }

  /** Everything that a run continues from. Tensors are the trainer's own: write to them before {@link step}, not during it. */
  get state(): TrainingState {
    return this.#state
  }

  get settings(): Settings {
    return this.#settings
  }

  /**
   * Takes one step on `accumulate` batches.
   *
   * @throws InverseFormError `training-diverged` when the loss, a gradient or a statistic is not finite; the state is then as before
   */
  async step(batches: Batch | readonly Batch[]): Promise<StepResult> {
    const list = 'images' in batches ? [batches] : batches
    const { accumulate, learningRate, schedule, steps, clip } = this.#settings
    if (list.length !== accumulate) {
      throw new InverseFormError(
        'invalid-argument',
        `\`batches\` must have ${accumulate} batches a step, got ${list.length}.`,
        { hint: 'Pass as many batches as `accumulate` says.' },
      )
    }
    const state = this.#state
    const total = list.length > 1 ? new Float32Array(state.gradients.length) : state.gradients
    const logged: Record<string, number> = {}
    const statistics: StatisticsUpdate[][] = []
    for (const batch of list) {
      const { values, updates } = await this.#run(batch)
      for (const [name, value] of Object.entries(values)) {
        logged[name] = (logged[name] ?? 0) + value / list.length
      }
      statistics.push(updates)
      if (total !== state.gradients) {
        for (let i = 0; i < total.length; i++) total[i] += state.gradients[i] / list.length
      }
    }
    const gradientNorm = normOf(total)
    if (!Number.isFinite(gradientNorm)) throw diverged('gradient', gradientNorm, state.step + 1, list)
    if (clip !== undefined) clipToNorm(total, gradientNorm, clip)
    const rate = learningRate * scheduleFactor(schedule, state.step, steps)
    state.update(total, rate, statistics.flat())
    const { loss, ...terms } = logged
    return { step: state.step, loss, terms, learningRate: rate, gradientNorm }
  }

  /**
   * Returns about how many bytes a step takes beside the weights. It allocates nothing of the batch's size: graphs of two small crops
   * tell what a pixel takes.
   */
  estimateMemory(): number {
    const { batchSize, cropSize, numClasses } = this.#settings
    const bytes = smallCrops.map((crop) => {
      const target = Uint8Array.from({ length: product(crop) }, (_, i) => i % numClasses)
      const labels = { target, edgeTarget: target.map((label) => label % 2) }
      return stepBytes(this.#graphOf(labels, new Set(), { batchSize: 1, cropSize: crop }).graph)
    })
    const [small, large] = smallCrops.map(product)
    const perPixel = (bytes[1] - bytes[0]) / (large - small)
    return bytes[0] + perPixel * (batchSize * product(cropSize) - small)
  }

  async close(): Promise<void> {
    await this.#compiled?.session.close()
    this.#compiled = undefined
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  /** Computes the loss and gradients of a batch. */
  async #run(batch: Batch): Promise<{ values: Record<string, number>; updates: StatisticsUpdate[] }> {
    checkBatch(batch, this.#settings)
    const { session, graph, feeds } = await this.#prepare(batch)
    const { state } = this
    const { batchSize, cropSize } = this.#settings
    const scalars = Object.fromEntries(
      ['loss', ...graph.terms.map((name) => `term.${name}`)].map((name) => [name, scalarTensor()]),
    )
    const outputs: Record<string, StepTensor> = { ...scalars }
    for (const [name, tensor] of state.gradientTensors) {
      if (gradientName(name) in graph.graph.outputs) outputs[gradientName(name)] = tensor
    }
    const updates = graph.statistics.map(({ runningMean, runningVariance, count }, i) => {
      const [mean, variance] = ['mean', 'variance'].map((part) => {
        const { shape } = state.tensors.get(runningMean) as StepTensor
        const tensor = { data: new Float32Array(product(shape)), shape }
        outputs[`statistics.${i}.${part}`] = tensor
        return tensor.data
      })
      return { runningMean, runningVariance, count, mean, variance }
    })
    const image = { data: batch.images, shape: [batchSize, 3, ...cropSize] }
    await session.run({ image, ...Object.fromEntries(state.tensors), ...feeds }, outputs)
    const values = Object.fromEntries(
      Object.entries(scalars).map(([name, { data }]) => [name.replace(/^term\./, ''), data[0]]),
    )
    const bad = Object.entries(values)
      .reverse()
      .find(([, value]) => !Number.isFinite(value))
    if (bad) throw diverged(bad[0], bad[1], state.step + 1, [batch])
    // Infinite statistics make a normalization's output 0, so that the loss does not show them.
    const norms = updates.map(({ mean, variance }) => normOf(mean) + normOf(variance))
    const infinite = norms.find((norm) => !Number.isFinite(norm))
    if (infinite !== undefined) throw diverged('statistics', infinite, state.step + 1, [batch])
    return { values, updates }
  }

  async #prepare(batch: Batch) {
    this.#compiled ??= await this.#compile(batch, new Set())
    const { feeds, changed } = this.#compiled.graph.feeds(batch)
    if (changed.size === 0) return { ...this.#compiled, feeds }
    // Rare: an array that was the same for all labels so far is not for these.
    const { graph, session } = this.#compiled
    this.#compiled = undefined
    await session.close()
    this.#compiled = await this.#compile(batch, new Set([...graph.varying, ...changed]))
    return { ...this.#compiled, feeds: this.#compiled.graph.feeds(batch).feeds }
  }

  async #compile(batch: Batch, varying: ReadonlySet<number>) {
    const graph = this.#graphOf(batch, varying)
    return { graph, session: await this.#openSession(graph.graph) }
  }

  /** @param size of the crops, if not the trainer's own */
  #graphOf(
    labels: Pick<Batch, 'target' | 'edgeTarget'>,
    varying: ReadonlySet<number>,
    size: Pick<TrainerOptions, 'batchSize' | 'cropSize'> = this.#settings,
  ): StepGraph {
    const { network, loss, regressor, numClasses } = this.#settings
    const { batchSize, cropSize } = size
    return new StepGraph(
      trainingNetwork({ ...network, batchSize, cropSize }),
      loss,
      [...this.#state.gradientTensors.keys()],
      [labels, unlike(labels, numClasses)],
      { regressor, varying },
    )
  }
}

/** Crops that all networks accept, of which the memory of others is estimated. */
const smallCrops = [
  [128, 128],
  [128, 256],
] as const

type Settings = ReturnType<typeof settingsOf>

function settingsOf(options: TrainerOptions) {
  const { model, numClasses = 19, loss = 'joint', batchSize, cropSize, accumulate = 1, seed = 1 } = options
  const { learningRate = 0.01, schedule = { name: 'poly' }, steps, clip, ema, freeze = [] } = options
  const { optimizer = { name: 'sgd' }, decayWeightsOnly = false, auxiliaryHeads = true } = options
  const { edgeHead = loss !== 'cross-entropy' } = options
  modelInfo(model)
  checkInteger('numClasses', numClasses, { min: 1 })
  checkInteger('batchSize', batchSize, { min: 1 })
  checkInteger('cropSize[0]', cropSize[0], { min: 1 })
  checkInteger('cropSize[1]', cropSize[1], { min: 1 })
  checkInteger('accumulate', accumulate, { min: 1 })
  checkInteger('steps', steps, { min: 1 })
  checkNumber('learningRate', learningRate, { min: 0 })
  checkOneOf('schedule.name', schedule.name, scheduleNames)
  checkOneOf('optimizer.name', optimizer.name, ['sgd', 'adamw'])
  if (clip !== undefined) checkNumber('clip', clip, { above: 0 })
  if (ema !== undefined) checkNumber('ema', ema, { min: 0, max: 1 })
  if (typeof loss !== 'function') checkOneOf('loss', loss, lossNames)
  const shapes = requiredParameters(model, { numClasses, edgeHead, auxiliaryHeads })
  const isFrozen = (name: string) => freeze.some((part) => name === part || name.startsWith(`${part}.`))
  for (const part of freeze) {
    if ([...shapes.keys()].some((name) => name === part || name.startsWith(`${part}.`))) continue
    throw new InverseFormError(
      'invalid-argument',
      `\`freeze\` names "${part}", which ${model} does not have.`,
      {
        hint: `Use parts such as ${[...new Set([...shapes.keys()].map((name) => name.split('.')[0]))].join(', ')}.`,
      },
    )
  }
  if ([...shapes.keys()].every((name) => isStatistic(name) || isFrozen(name))) {
    throw new InverseFormError('invalid-argument', '`freeze` leaves nothing to train.', {
      hint: 'Leave out a part, such as a head.',
    })
  }
  const { warmup = 0 } = schedule
  checkInteger('schedule.warmup', warmup, { min: 0 })
  if (warmup >= steps) {
    throw new InverseFormError(
      'invalid-argument',
      `\`warmup\` is ${warmup} of ${steps} steps, so the learning rate never rises to its value.`,
      {
        hint: 'Use fewer steps of warm-up than `steps`.',
      },
    )
  }
  return {
    network: { model, numClasses, edgeHead, auxiliaryHeads, batchSize, cropSize, isFrozen },
    loss: typeof loss === 'function' ? loss : lossByName(loss, options.lossOptions),
    regressor: options.regressor,
    ...{ model, numClasses, edgeHead, batchSize, cropSize, accumulate, seed, shapes, isFrozen },
    ...{ learningRate, schedule, steps, clip, ema, optimizer, decayWeightsOnly },
  }
}

interface StatisticsUpdate {
  readonly runningMean: string
  readonly runningVariance: string
  readonly count: number
  readonly mean: Float32Array
  readonly variance: Float32Array
}

/** Parameters, their optimizer and their average: what a run continues from. */
export class TrainingState {
  /** Number of steps done. */
  step = 0
  /** All parameters and running statistics by name. */
  readonly tensors: ReadonlyMap<string, StepTensor>
  /** The gradients of trained parameters by name: views of {@link gradients}. */
  readonly gradientTensors: ReadonlyMap<string, StepTensor>
  readonly gradients: Float32Array
  /** The exponential moving average of the trained parameters, if there is one. */
  readonly average: ReadonlyMap<string, StepTensor> | undefined
  /** The optimizer's vectors by name, and in each a view per trained parameter. */
  readonly slots: Readonly<Record<string, ReadonlyMap<string, StepTensor>>>
  readonly #values: Float32Array
  readonly #averages: Float32Array
  readonly #ema: number | undefined
  readonly #optimizer: Optimizer

  constructor({ shapes, isFrozen, optimizer, decayWeightsOnly, ema, seed }: Settings) {
    const trained = [...shapes].filter(([name]) => !isStatistic(name) && !isFrozen(name))
    const size = trained.reduce((sum, [, shape]) => sum + product(shape), 0)
    const views = (vector: Float32Array) => {
      let at = 0
      return new Map(
        trained.map(([name, shape]): [string, StepTensor] => {
          const data = vector.subarray(at, at + product(shape))
          at += data.length
          return [name, { data, shape }]
        }),
      )
    }
    this.#values = new Float32Array(size)
    this.gradients = new Float32Array(size)
    this.gradientTensors = views(this.gradients)
    const trainedTensors = views(this.#values)
    const initial = initialValues(shapes, seededRandom(seed))
    this.tensors = new Map(
      [...shapes].map(([name, shape]) => {
        const values = initial.get(name) as Float32Array
        const view = trainedTensors.get(name)
        view?.data.set(values)
        return [name, view ?? { data: values, shape }]
      }),
    )
    const decays = new Uint8Array(size).fill(1)
    if (decayWeightsOnly) {
      let at = 0
      for (const [, shape] of trained) {
        const next = at + product(shape)
        if (isNormOrBias(shape)) decays.fill(0, at, next)
        at = next
      }
    }
    this.#optimizer = createOptimizer(optimizer, decays)
    this.slots = Object.fromEntries(
      Object.entries(this.#optimizer.slots).map(([name, vector]) => [name, views(vector)]),
    )
    this.#ema = ema
    this.#averages = ema === undefined ? new Float32Array() : this.#values.slice()
    this.average = ema === undefined ? undefined : views(this.#averages)
  }

  /** The parameters for evaluation: averages where there are some. */
  get evaluated(): ReadonlyMap<string, StepTensor> {
    return new Map([...this.tensors, ...(this.average ?? [])])
  }

  /** Starts the average anew from the parameters, such as after these were loaded. */
  resetAverage(): void {
    if (this.average) this.#averages.set(this.#values)
  }

  update(gradients: Float32Array, learningRate: number, statistics: readonly StatisticsUpdate[]): void {
    this.step++
    this.#optimizer.update(this.#values, gradients, learningRate, this.step)
    if (this.#ema !== undefined) {
      for (let i = 0; i < this.#values.length; i++) {
        this.#averages[i] += (1 - this.#ema) * (this.#values[i] - this.#averages[i])
      }
    }
    for (const { runningMean, runningVariance, count, mean, variance } of statistics) {
      const running = [runningMean, runningVariance].map(
        (name) => (this.tensors.get(name) as StepTensor).data,
      )
      // PyTorch collects the unbiased variance, though it normalizes by the biased one.
      const unbiased = count / (count - 1)
      for (let c = 0; c < mean.length; c++) {
        running[0][c] += MOMENTUM * (mean[c] - running[0][c])
        running[1][c] += MOMENTUM * (variance[c] * unbiased - running[1][c])
      }
    }
  }
}

const scalarTensor = (): StepTensor => ({ data: new Float32Array(1), shape: [] })

function checkBatch(batch: Batch, { batchSize, cropSize }: Settings): void {
  const pixels = batchSize * cropSize[0] * cropSize[1]
  for (const [name, size] of [
    ['images', 3 * pixels],
    ['target', pixels],
    ['edgeTarget', pixels],
  ] as const) {
    if (batch[name].length === size) continue
    throw new InverseFormError(
      'size-mismatch',
      `\`${name}\` must have ${size} elements for ${batchSize} crops of ${cropSize.join('x')}, got ${batch[name].length}.`,
      { hint: 'Make batches with the batch size and crop size of the trainer.' },
    )
  }
}

/** Returns labels that differ from a batch's in every respect, to find out which arrays of a loss depend on labels. */
function unlike(
  { target, edgeTarget }: Pick<Batch, 'target' | 'edgeTarget'>,
  numClasses: number,
): Pick<Batch, 'target' | 'edgeTarget'> {
  return {
    target: target.map((label, i) =>
      i % 7 === 0 ? 255 : (label === 255 ? i : label + 1 + (i % 3)) % numClasses,
    ),
    edgeTarget: edgeTarget.map((edge, i) => (i % 3 === 0 ? 1 - edge : edge)),
  }
}

const quantities: Readonly<Record<string, string>> = {
  loss: 'loss',
  gradient: 'gradient',
  statistics: 'mean or variance of a normalization',
}

function diverged(term: string, value: number, step: number, batches: readonly Batch[]): InverseFormError {
  const images = batches.flatMap(({ names }) => names).slice(0, 4)
  return new InverseFormError(
    'training-diverged',
    `The ${quantities[term] ?? `loss term ${term}`} is ${value} in step ${step}, on ${images.join(', ')}.`,
    {
      hint: DIVERGED_HINT,
      details: { term, step, images },
    },
  )
}
