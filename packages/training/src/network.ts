import { buildModel, type SegmentationModelName, zoo } from '@inverseform/backbones'
import {
  add,
  batchNormTraining,
  bindSizes,
  constant,
  type Graph,
  input,
  multiply,
  resizeLike,
  rewrite,
  subtract,
  type Value,
} from '@inverseform/backbones/graph'
import { InverseFormError } from '@inverseform/errors'

export interface NetworkOptions {
  readonly model: SegmentationModelName
  readonly numClasses: number
  readonly edgeHead: boolean
  readonly auxiliaryHeads: boolean
  readonly batchSize: number
  /** [height, width] in pixels */
  readonly cropSize: readonly [height: number, width: number]
  /** Whether a parameter is frozen. The normalizations of frozen parts use their running statistics. */
  readonly isFrozen: (name: string) => boolean
}

/** The outputs of one head at the image's size. */
export interface HeadOutputs<T> {
  /** [images, classes, height, width], before softmax */
  readonly logits: T
  /** [images, 1, height, width], before the sigmoid */
  readonly edgeLogits?: T
}

/** Statistics of one batch at one normalization. A layer that runs twice in a step has two of them, in this order. */
export interface BatchStatistics {
  /** The parameter that collects the mean, and the one that collects the variance. */
  readonly runningMean: string
  readonly runningVariance: string
  readonly mean: Value
  /** Biased, as the normalization uses it. */
  readonly variance: Value
  /** Number of values per channel. */
  readonly count: number
}

export interface TrainingNetwork {
  readonly main: HeadOutputs<Value>
  readonly auxiliary?: HeadOutputs<Value>
  readonly statistics: readonly BatchStatistics[]
}

type Outputs = Readonly<Record<'logits', Value>> &
  Readonly<Partial<Record<'edge' | 'attention' | 'auxiliaryLogits' | 'auxiliaryEdge', Value>>>

/**
 * Builds a network in the form that is trained: parameters and running statistics are inputs by their names, normalizations use
 * the batch's statistics, and outputs have the image's size. Its input is `image` [images, 3, height, width].
 *
 * ocrnet48-hms runs at half and full scale and blends the two by its attention, as in its paper (Tao et al., 2020).
 */
export function trainingNetwork(options: NetworkOptions): TrainingNetwork {
  const { batchSize, cropSize } = options
  const [height, width] = cropSize
  const image = input('image', [batchSize, 3, height, width])
  const parameters = new Map<string, Value>()
  const build = (on: Value): Outputs => {
    const graph = buildModel(options.model, {
      numClasses: options.numClasses,
      edgeHead: options.edgeHead,
      auxiliaryHeads: options.auxiliaryHeads,
      parameters: (name, shape) => {
        const value = parameters.get(name) ?? input(name, shape)
        parameters.set(name, value)
        return value
      },
    })
    const onImage = rewrite(graph, (value) =>
      value.op === 'input' && value.attributes.name === 'image' ? on : value,
    )
    return onImage.outputs as Outputs
  }
  const heads = zoo[options.model].multiScale ? blended(build, image) : headsOf(build(image), image)
  const statistics: BatchStatistics[] = []
  const graph = bindSizes({ outputs: flat(heads) }, {})
  const trained = rewrite(graph, (value) => {
    if (value.op !== 'batchNorm') return value
    const [x, scale, shift, mean, variance] = value.inputs
    if (options.isFrozen(nameOf(scale))) return value
    const norm = batchNormTraining(x, scale, shift, value.attributes.epsilon)
    const count = (x.shape as readonly number[]).filter((_, axis) => axis !== 1).reduce((a, b) => a * b)
    if (count < 2) {
      throw new InverseFormError(
        'invalid-argument',
        `\`cropSize\` ${height}x${width} leaves one value per channel at ${nameOf(scale)}, which has no variance.`,
        { hint: 'Use a larger crop or batch.' },
      )
    }
    statistics.push({
      runningMean: nameOf(mean),
      runningVariance: nameOf(variance),
      mean: norm.mean,
      variance: norm.variance,
      count,
    })
    return norm.output
  })
  return { ...unflat(trained.outputs), statistics }
}

interface Heads {
  readonly main: HeadOutputs<Value>
  readonly auxiliary?: HeadOutputs<Value>
}

function headsOf(outputs: Outputs, image: Value): Heads {
  const at = (value: Value) => resizeLike(value, image)
  const { logits, edge, auxiliaryLogits, auxiliaryEdge } = outputs
  return {
    main: { logits: at(logits), ...(edge && { edgeLogits: at(logitsOf(edge)) }) },
    ...(auxiliaryLogits && {
      auxiliary: {
        logits: at(auxiliaryLogits),
        ...(auxiliaryEdge && { edgeLogits: at(auxiliaryEdge) }),
      },
    }),
  }
}

/** Blends half and full scale as inference does: resize(a · low) + (1 − resize(a)) · full. */
function blended(build: (image: Value) => Outputs, image: Value): Heads {
  const [height, width] = (image.shape.slice(2) as number[]).map((size) => Math.floor(size / 2))
  const half = sizeOf(height, width)
  const [low, full] = [half, image].map((like) => {
    const outputs = build(like === image ? image : resizeLike(image, like))
    const at = (value: Value) => resizeLike(value, like)
    return { ...headsOf(outputs, like), attention: at(outputs.attention as Value) }
  })
  const rest = subtract(scalar('one', 1), resizeLike(low.attention, image))
  const blend = (a: Value, b: Value) => add(resizeLike(multiply(low.attention, a), image), multiply(rest, b))
  const { auxiliary } = full
  return {
    main: { ...full.main, logits: blend(low.main.logits, full.main.logits) },
    ...(auxiliary &&
      low.auxiliary && {
        auxiliary: { ...auxiliary, logits: blend(low.auxiliary.logits, auxiliary.logits) },
      }),
  }
}

/** Returns the logits of an edge output: some models' ends in a sigmoid. */
const logitsOf = (edge: Value) => (edge.op === 'sigmoid' ? edge.inputs[0] : edge)

/** Returns a tensor of which only the size is used. */
const sizeOf = (height: number, width: number) =>
  constant(`size.${height}.${width}`, [1, 1, height, width], async () => new Float32Array(height * width))

const scalar = (name: string, value: number) => constant(name, [], async () => Float32Array.of(value))

function nameOf(value: Value): string {
  if (value.op === 'input') return value.attributes.name
  throw new Error(`A parameter is an input, got ${value.op}.`)
}

function flat({ main, auxiliary }: Heads): Graph['outputs'] {
  const entries = Object.entries({ main, auxiliary }).flatMap(([head, outputs]) =>
    Object.entries(outputs ?? {}).map(([name, value]) => [`${head}.${name}`, value] as const),
  )
  return Object.fromEntries(entries)
}

function unflat(outputs: Graph['outputs']): Heads {
  const head = (name: string) => ({
    logits: outputs[`${name}.logits`],
    ...(outputs[`${name}.edgeLogits`] && { edgeLogits: outputs[`${name}.edgeLogits`] }),
  })
  return { main: head('main'), ...(outputs['auxiliary.logits'] && { auxiliary: head('auxiliary') }) }
}
