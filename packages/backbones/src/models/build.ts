import { InverseFormError } from '@inverseform/errors'
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

export interface BuildModelOptions {
  /** Where the weights come from. */
  readonly parameters: ParameterSource
  /** Number of classes, 19 unless given. */
  readonly classes?: number
  /** Whether to include the edge head. */
  readonly edge?: boolean
  /**
   * Size of the outputs: `features` leaves them as small as the network makes them (1/4 or 1/8 of the image), for a
   * runtime that resizes as it reads them; `image` resizes them bilinearly to the image within the graph.
   */
  readonly outputSize?: 'features' | 'image'
}

/**
 * A segmentation network as a graph: input `image` [N,3,H,W], RGB normalised by ImageNet's mean and deviation;
 * outputs `logits` [N,classes,·,·], `edge` [N,1,·,·] with the edge head (a logit, or a probability where
 * `zoo[name].edgeOutput` says so), `attention` [N,1,·,·] for multi-scale models.
 */
export function buildModel(name: SegmentationModelName, options: BuildModelOptions): Graph {
  const { parameters, classes = 19, edge = false, outputSize = 'features' } = options
  if (!Number.isInteger(classes) || classes < 1) {
    throw new InverseFormError('invalid-argument', `A model with ${classes} classes was asked for.`, {
      hint: 'Give a whole number of classes, 1 or more.',
    })
  }
  const image = imageInput('image', 3)
  const outputs = networks[modelInfo(name).name](new Scope(parameters), image, { classes, edge })
  if (outputSize === 'features') return { outputs: { ...outputs } }
  const resized = Object.entries(outputs).map(([key, value]) => [key, resizeLike(value, image)])
  return { outputs: Object.fromEntries(resized) }
}

/** The zoo's entry of a model; an unknown name is an error that lists those there are. */
export function modelInfo(name: string): (typeof zoo)[SegmentationModelName] {
  if (Object.hasOwn(zoo, name)) return zoo[name as SegmentationModelName]
  throw new InverseFormError('invalid-argument', `There is no model named "${name}".`, {
    hint: `The models are ${Object.keys(zoo).join(', ')}.`,
  })
}

/** Names and shapes of the weights that a model needs, in the order in which it uses them. */
export function requiredParameters(
  name: SegmentationModelName,
  options: { classes?: number; edge?: boolean } = {},
): Map<string, readonly number[]> {
  const shapes = new Map<string, readonly number[]>()
  buildModel(name, { ...options, parameters: recordShapes(shapes) })
  return shapes
}

/** A parameter source that only writes down what it is asked for. */
export function recordShapes(shapes: Map<string, readonly number[]>): ParameterSource {
  return (parameter, shape) => {
    shapes.set(parameter, shape)
    return constant(parameter, shape, async () => {
      throw new InverseFormError(
        'invalid-argument',
        `The weight ${parameter} has no values: the graph was built without a checkpoint.`,
        { hint: 'Load a checkpoint with loadModel, or give buildModel a source of weights.' },
      )
    })
  }
}
