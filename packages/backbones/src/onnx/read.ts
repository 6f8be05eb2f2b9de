import { checkArgument, InverseFormError } from '@inverseform/errors'
import { CheckpointFile } from '../checkpoint/file.js'
import { defaultLimits } from '../checkpoint/limits.js'
import type { OpenCheckpointOptions } from '../checkpoint/open.js'
import { resizeLike } from '../graph/build.js'
import { formatShape } from '../graph/dim.js'
import { passes } from '../graph/passes/index.js'
import { quantizedMaps, quantizeMaps } from '../graph/quantization.js'
import { type Graph, graphInputs } from '../graph/value.js'
import type { ByteSource } from '../io/source.js'
import { buildModel, modelInfo, recordShapes } from '../models/build.js'
import type { LoadedModel } from '../models/load.js'
import type { LoadModelOptions } from '../models/load-options.js'
import { checkComplete, type LoadReport, listed, quoted } from '../models/load-report.js'
import { StoredWeights } from './bind-weights.js'
import { formatValue, readContents } from './contents.js'
import { checkOurs, some } from './describe.js'
import { convertAgain, type OnnxDescription, readMetadata } from './metadata.js'

/** Loads an ONNX model: rebuilds its graph from its metadata and binds the file's weights. */
export async function loadOnnx(
  source: ByteSource,
  options: LoadModelOptions & OpenCheckpointOptions,
): Promise<LoadedModel> {
  const file = new CheckpointFile(source, { ...defaultLimits, ...options.limits }, options.signal)
  const { key } = options
  checkArgument('key', key, key === undefined, 'left out for an ONNX model', {
    hint: 'An ONNX model holds one network.',
  })
  const contents = await readContents(file)
  // The signal aborts the opening, not what is read later.
  file.signal = undefined
  checkOurs(file, contents)
  const { metadata, inputs, outputs, initializers } = contents
  const description = readMetadata(file, metadata)
  checkRequested(file, description, options)
  const { model, numClasses } = description
  const { edgeHead = false, outputSize = 'features', passes: wanted = ['foldBatchNorm'] } = options

  const stored = graphOf(file, description)
  checkSignature(file, [...inputs, ...outputs].map(formatValue), signatureOf(stored))
  const weights = new StoredWeights(file, initializers)
  const complete = checkWeights(file, weights, description, stored)

  const graph = resized(edgeHead ? stored : withoutEdge(stored), description.outputSize, outputSize)
  const needed = weights.neededBy(graph)
  const report = {
    ...complete,
    loaded: complete.loaded.filter((name) => needed.has(name)),
    unused: complete.loaded.filter((name) => !needed.has(name)),
  }
  const more = wanted.filter((pass) => !description.passes.includes(pass))
  return { model, numClasses, edgeHead, graph: run(more, weights.bind(graph)), report }
}

function graphOf(
  file: CheckpointFile,
  { model, numClasses, edgeHead, outputSize, passes: chosen, mapScales }: OnnxDescription,
): Graph {
  const graph = run(
    chosen,
    buildModel(model, {
      parameters: recordShapes(new Map()),
      numClasses,
      edgeHead,
      outputSize,
    }),
  )
  if (!mapScales) return graph
  const { length } = quantizedMaps(graph)
  if (mapScales.length === length) return quantizeMaps(graph, mapScales)
  throw file.invalid(
    `the ONNX model's metadata have scales of ${mapScales.length} maps, but its network has ${length}`,
    convertAgain,
  )
}

function run(chosen: OnnxDescription['passes'], graph: Graph): Graph {
  return chosen.reduce((rewritten, pass) => passes[pass](rewritten), graph)
}

function withoutEdge({ outputs: { edge: _, ...outputs } }: Graph): Graph {
  return { outputs }
}

type OutputSize = OnnxDescription['outputSize']

/** Adds or removes the resize of each output to the image, which `buildModel` puts last. */
function resized(graph: Graph, from: OutputSize, to: OutputSize): Graph {
  if (from === to) return graph
  const [image] = graphInputs(graph)
  const outputs = Object.entries(graph.outputs).map(([name, value]) => [
    name,
    to === 'image' ? resizeLike(value, image) : value.inputs[0],
  ])
  return { outputs: Object.fromEntries(outputs) }
}

/** @throws InverseFormError `checkpoint-mismatch` when the options ask for what the file is not */
function checkRequested(file: CheckpointFile, found: OnnxDescription, options: LoadModelOptions): void {
  const { model = found.model, numClasses = found.numClasses, edgeHead = false } = options
  const requested = { model: modelInfo(model).name, numClasses, edgeHead: edgeHead || found.edgeHead }
  if (summary(requested) === summary(found)) return
  throw new InverseFormError(
    'checkpoint-mismatch',
    `${file.name}: this is ${summary(found)}, not ${summary(requested)}.`,
    { hint: hint(), details: { requested, found } },
  )

  function hint(): string {
    if (model !== found.model) return `Pass \`model: '${found.model}'\`, or leave \`model\` out.`
    if (numClasses !== found.numClasses) {
      return `Its classifier has ${found.numClasses} classes: pass that number, or leave \`numClasses\` out.`
    }
    return 'Load it without the edge head, or convert the checkpoint with its edge head.'
  }
}

function summary({
  model,
  numClasses,
  edgeHead,
}: Pick<OnnxDescription, 'model' | 'numClasses' | 'edgeHead'>): string {
  return `an ONNX model of ${model}${edgeHead ? ' with its edge head' : ''}, ${numClasses} classes`
}

/** Formats the inputs and outputs of a graph, such as `image [N, 3, H, W]`. */
function signatureOf(graph: Graph): string[] {
  const inputs = graphInputs(graph).map(({ attributes, shape }) => `${attributes.name} ${formatShape(shape)}`)
  const outputs = Object.entries(graph.outputs).map(([name, { shape }]) => `${name} ${formatShape(shape)}`)
  return [...inputs, ...outputs]
}

function checkSignature(
  file: CheckpointFile,
  declared: readonly string[],
  expected: readonly string[],
): void {
  if (declared.length === expected.length && declared.every((text, i) => text === expected[i])) return
  throw file.invalid(
    `its inputs and outputs are ${some(declared)}, but by its metadata they should be ${some(expected)}`,
    convertAgain,
  )
}

/**
 * Compares the file's weights with those of its graph.
 * @throws InverseFormError `checkpoint-mismatch` for weights that are missing, unexpected or of another shape
 */
function checkWeights(
  file: CheckpointFile,
  weights: StoredWeights,
  description: OnnxDescription,
  graph: Graph,
): LoadReport {
  const needed = weights.neededBy(graph)
  const report = {
    loaded: [] as string[],
    unused: [],
    unexpected: [...weights.byName.keys()].filter((name) => !needed.has(name)),
    missing: [] as string[],
    mismatched: [] as { name: string; expected: readonly number[]; found: readonly number[] }[],
  }
  for (const [name, expected] of needed) {
    const found = weights.byName.get(name)?.shape
    if (!found) report.missing.push(name)
    else if (found.join() !== expected.join()) report.mismatched.push({ name, expected, found })
    else report.loaded.push(name)
  }
  const what = `${summary(description)}, as the metadata of ${file.name} describe it`
  checkComplete(report, what, () => convertAgain)
  if (report.unexpected.length === 0) return report
  const { length } = report.unexpected
  const more = listed(`${length} more tensor${length === 1 ? '' : 's'}`, report.unexpected.map(quoted))
  throw new InverseFormError('checkpoint-mismatch', `This is not ${what}: it has ${more}.`, {
    hint: convertAgain,
    details: { unexpected: report.unexpected },
  })
}
