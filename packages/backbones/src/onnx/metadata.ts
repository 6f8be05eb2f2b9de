import type { CheckpointFile } from '../checkpoint/file.js'
import { type PassName, passes } from '../graph/passes/index.js'
import type { ActivationScale } from '../graph/value.js'
import { quoted } from '../models/load-report.js'
import { inverseNetZoo, type SegmentationModelName, zoo } from '../models/zoo.js'

/** How the graph of an ONNX model was built. */
export interface OnnxDescription {
  readonly model: SegmentationModelName
  readonly numClasses: number
  /** Whether the graph includes the edge head. */
  readonly edgeHead: boolean
  readonly outputSize: 'features' | 'image'
  /** The graph passes that were run. */
  readonly passes: readonly PassName[]
  /** Of a network in int8: the scales of its `quantizedMaps`, after the passes. */
  readonly mapScales?: readonly ActivationScale[]
}

/**
 * Returns the metadata by which `openModel` recognizes an ONNX model; pass it to `encodeOnnx`. Give the options that
 * the graph was built with; their defaults are `loadModel`'s.
 *
 * @example
 * const loaded = loadModel(checkpoint, { edgeHead: true, outputSize: 'image' })
 * const metadata = onnxMetadata({ ...loaded, outputSize: 'image' })
 * const onnx = encodeOnnx(loaded.graph, { metadata })
 */
export function onnxMetadata({
  model,
  numClasses,
  edgeHead,
  outputSize = 'features',
  passes: run = ['foldBatchNorm'],
  mapScales,
}: Pick<OnnxDescription, 'model' | 'numClasses' | 'edgeHead'> & Partial<OnnxDescription>): Record<
  string,
  string
> {
  return {
    model,
    classes: String(numClasses),
    edge: String(edgeHead),
    outputSize,
    passes: run.join(),
    ...(mapScales && {
      precision: 'int8',
      mapScales: mapScales.map(({ scale, zeroPoint }) => `${scale}:${zeroPoint}`).join(),
    }),
  }
}

export const convertAgain =
  'Convert the checkpoint again, with `inverseform convert` or with `encodeOnnx` and `onnxMetadata`.'

/**
 * Parses a model's metadata.
 * @throws InverseFormError `invalid-checkpoint` for entries that `onnxMetadata` does not write
 */
export function readMetadata(
  file: CheckpointFile,
  entries: Readonly<Record<string, string>>,
): OnnxDescription {
  const { model } = entries
  if (model === inverseNetZoo.name) {
    throw file.invalid(
      `this is ${inverseNetZoo.title}`,
      `It does not segment images: use a segmentation model that \`inverseform convert\` wrote.`,
    )
  }
  if (model === undefined) {
    throw file.invalid('the metadata of the ONNX model do not name its network', convertAgain)
  }
  if (!isModel(model)) {
    throw file.invalid(`the ONNX model's metadata name the unknown network ${quoted(model)}`, convertAgain)
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
    numClasses: entry('classes', readEntry.classes),
    edgeHead: entry('edge', readEntry.edge),
    outputSize: entry('outputSize', readEntry.outputSize),
    passes: entry('passes', readEntry.passes),
    ...('mapScales' in entries && { mapScales: entry('mapScales', readEntry.mapScales) }),
  }
}

/** Parsers of the entries. They return undefined for texts that `onnxMetadata` does not write. */
const readEntry = {
  classes: (text: string) => (/^[1-9]\d{0,4}$/.test(text) ? Number(text) : undefined),
  edge: (text: string) => (text === 'true' || text === 'false' ? text === 'true' : undefined),
  outputSize: (text: string) => (text === 'features' || text === 'image' ? text : undefined),
  passes(text: string) {
    const names = text === '' ? [] : text.split(',')
    return names.every(isPass) && new Set(names).size === names.length ? names : undefined
  },
  mapScales(text: string) {
    const parts = text.split(',')
    const scales = parts.flatMap(readScale)
    return scales.length === parts.length ? scales : undefined
  },
}

function readScale(text: string): ActivationScale[] {
  const [scale, zeroPoint, ...more] = text.split(':').map((part) => (part === '' ? Number.NaN : Number(part)))
  const isCode = Number.isInteger(zeroPoint) && zeroPoint >= 0 && zeroPoint <= 255
  // A scale below float32's normal numbers would be flushed to zero.
  const isScale = scale >= SMALLEST_SCALE && scale <= LARGEST_SCALE && Math.fround(scale) === scale
  return isScale && isCode && more.length === 0 ? [{ scale, zeroPoint }] : []
}

/** The normal numbers of float32. */
const [SMALLEST_SCALE, LARGEST_SCALE] = [2 ** -126, (2 - 2 ** -23) * 2 ** 127]

const isPass = (name: string): name is PassName => Object.hasOwn(passes, name)

const isModel = (name: string): name is SegmentationModelName => Object.hasOwn(zoo, name)
