import { checkBoolean, checkFunction, checkInteger, checkOneOf, InverseFormError } from '@inverseform/errors'
import { constant, imageInput, resizeLike } from '../graph/build.js'
import type { Graph } from '../graph/value.js'
import { hrnet16Slim, hrnet18 } from './hrnet-segmenter.js'
import type { Network } from './network.js'
import { ocrnet48, ocrnet48Hms } from './ocrnet.js'
import { type ParameterSource, Scope } from './scope.js'
import { type SegmentationModelName, zoo } from './zoo.js'

const networks: Readonly<Record<SegmentationModelName, Network>> = {
  hrnet18,
  'hrnet16-slim': hrnet16Slim,
  ocrnet48,
  'ocrnet48-hms': ocrnet48Hms,
}

/** Values of the option `outputSize`. */
export const outputSizes = ['features', 'image'] as const

export interface BuildModelOptions {
  /** Where the weights come from. */
  readonly parameters: ParameterSource
  /** Number of classes, 19 by default. */
  readonly numClasses?: number
  /** Whether to include the edge head. */
  readonly edgeHead?: boolean
  /**
   * Whether to include the heads that only training uses, as outputs `auxiliaryLogits` [N,numClasses,·,·] and, with the edge
   * head, `auxiliaryEdge` [N,1,·,·]. The latter are logits for all models.
   */
  readonly auxiliaryHeads?: boolean
  /**
   * Size of the outputs. `features` (the default) keeps the network's own size, 1/4 or 1/8 of the image, for a
   * runtime that resizes as it reads. `image` resizes them bilinearly to the image, within the graph.
   */
  readonly outputSize?: 'features' | 'image'
}

/**
 * Builds the graph of a segmentation network.
 *
 * Its input is `image` [N,3,H,W], RGB normalized by ImageNet's mean and standard deviation. Its outputs are `logits`
 * [N,numClasses,·,·], with the edge head `edge` [N,1,·,·] (logits or probabilities, see `zoo[name].edgeOutput`), and
 * for multi-scale models `attention` [N,1,·,·].
 *
 * @throws InverseFormError `invalid-argument` for an unknown model or an invalid number of classes
 */
export function buildModel(name: SegmentationModelName, options: BuildModelOptions): Graph {
  const {
    parameters,
    numClasses = 19,
    edgeHead = false,
    auxiliaryHeads = false,
    outputSize = 'features',
  } = options
  checkFunction('parameters', parameters, {
    hint: 'Pass a function that returns the weight of a name and a shape as a constant.',
  })
  checkInteger('numClasses', numClasses, { min: 1 })
  checkBoolean('edgeHead', edgeHead)
  checkBoolean('auxiliaryHeads', auxiliaryHeads)
  checkOneOf('outputSize', outputSize, outputSizes)
  const image = imageInput('image', 3)
  const outputs = networks[modelInfo(name).name](new Scope(parameters), image, {
    numClasses,
    edgeHead,
    auxiliaryHeads,
  })
  if (outputSize === 'features') return { outputs: { ...outputs } }
  const resized = Object.entries(outputs).map(([key, value]) => [key, resizeLike(value, image)])
  return { outputs: Object.fromEntries(resized) }
}

/**
 * Returns a model's entry in the zoo.
 * @throws InverseFormError `invalid-argument` for an unknown name
 */
export function modelInfo(name: string): (typeof zoo)[SegmentationModelName] {
  if (Object.hasOwn(zoo, name)) return zoo[name as SegmentationModelName]
  throw new InverseFormError('invalid-argument', `The model "${name}" is unknown.`, {
    hint: `Use one of ${Object.keys(zoo).join(', ')}.`,
  })
}

/** Returns the names and shapes of the weights that a model needs, in the order in which it uses them. */
export function requiredParameters(
  name: SegmentationModelName,
  options: Omit<BuildModelOptions, 'parameters' | 'outputSize'> = {},
): Map<string, readonly number[]> {
  const shapes = new Map<string, readonly number[]>()
  buildModel(name, { ...options, parameters: recordShapes(shapes) })
  return shapes
}

/** Returns a parameter source that records names and shapes; its weights cannot be loaded. */
export function recordShapes(shapes: Map<string, readonly number[]>): ParameterSource {
  return (parameter, shape) => {
    shapes.set(parameter, shape)
    return constant(parameter, shape, async () => {
      throw new InverseFormError(
        'invalid-argument',
        `The weight ${parameter} has no values: the graph was built without a checkpoint.`,
        { hint: 'Load a checkpoint with loadModel, or pass buildModel a source of weights.' },
      )
    })
  }
}
