import type { CheckpointFile } from '../checkpoint/file.js'
import { type PassName, passes } from '../graph/passes/index.js'
import { inverseNetZoo, type SegmentationModelName, zoo } from '../models/zoo.js'

/** How the graph of an ONNX model was built. */
export interface OnnxDescription {
  readonly model: SegmentationModelName
  readonly classes: number
  /** Whether the edge head is part of it. */
  readonly edge: boolean
  readonly outputSize: 'features' | 'image'
  /** The passes that were run. */
  readonly passes: readonly PassName[]
}

/**
 * The metadata by which `openModel` knows a segmentation model again: for `encodeOnnx`. Give it what the graph was
 * built with; what is left out stands for the defaults of `loadModel`.
 *
 * @example
 * const loaded = loadModel(checkpoint, { edge: true, outputSize: 'image' })
 * const metadata = onnxMetadata({ ...loaded, outputSize: 'image' })
 * const onnx = encodeOnnx(loaded.graph, { metadata })
 */
export function onnxMetadata({
  model,
  classes,
  edge,
  outputSize = 'features',
  passes: run = ['foldBatchNorm'],
}: Pick<OnnxDescription, 'model' | 'classes' | 'edge'> & Partial<OnnxDescription>): Record<string, string> {
  return { model, classes: String(classes), edge: String(edge), outputSize, passes: run.join() }
}

export const convertAgain =
  'Only models that `inverseform convert` wrote, or `encodeOnnx` with the metadata of `onnxMetadata`, can be used: convert the checkpoint again.'

/** @throws `invalid-checkpoint` for entries that `onnxMetadata` would not write */
export function readMetadata(
  file: CheckpointFile,
  entries: Readonly<Record<string, string>>,
): OnnxDescription {
  const { model } = entries
  if (model === inverseNetZoo.name) {
    throw file.invalid(`this is ${inverseNetZoo.title}`, `It segments nothing: ${convertAgain}`)
  }
  if (model === undefined) {
    throw file.invalid('the ONNX model does not say which network it is', convertAgain)
  }
  if (!isModel(model)) {
    throw file.invalid(`the ONNX model says that it is ${quoted(model)}, which is unknown`, convertAgain)
  }
  function entry<T>(key: keyof typeof readEntry, read: (text: string) => T | undefined): T {
    const text = entries[key]
    const value = text === undefined ? undefined : read(text)
    if (value !== undefined) return value
    const found = text === undefined ? 'is missing' : `is ${quoted(text)}`
    throw file.invalid(`the entry "${key}" of the ONNX model's metadata ${found}`, convertAgain)
  }
  return {
    model,
    classes: entry('classes', readEntry.classes),
    edge: entry('edge', readEntry.edge),
    outputSize: entry('outputSize', readEntry.outputSize),
    passes: entry('passes', readEntry.passes),
  }
}

/** A text of the file, short enough for a message. */
export const quoted = (value: string) => JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}…` : value)

/** How entries are read: undefined for a text that it would not write. */
const readEntry = {
  classes: (text: string) => (/^[1-9]\d{0,4}$/.test(text) ? Number(text) : undefined),
  edge: (text: string) => (text === 'true' || text === 'false' ? text === 'true' : undefined),
  outputSize: (text: string) => (text === 'features' || text === 'image' ? text : undefined),
  passes(text: string) {
    const names = text === '' ? [] : text.split(',')
    return names.every(isPass) && new Set(names).size === names.length ? names : undefined
  },
}

const isPass = (name: string): name is PassName => Object.hasOwn(passes, name)

const isModel = (name: string): name is SegmentationModelName => Object.hasOwn(zoo, name)
