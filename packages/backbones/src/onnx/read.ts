import { InverseFormError } from '@inverseform/errors'
import { CheckpointFile } from '../checkpoint/file.js'
import { defaultLimits } from '../checkpoint/limits.js'
import { resizeLike } from '../graph/build.js'
import { formatShape } from '../graph/dim.js'
import { passes } from '../graph/passes/index.js'
import { type Graph, graphInputs } from '../graph/value.js'
import type { ByteSource } from '../io/index.js'
import { buildModel, modelInfo, recordShapes } from '../models/build.js'
import type { LoadedModel, LoadModelOptions } from '../models/load.js'
import { type LoadReport, listed, requireComplete } from '../models/load-report.js'
import { StoredWeights } from './bind-weights.js'
import { readContents } from './contents.js'
import { convertAgain, type OnnxDescription, quoted, readMetadata } from './metadata.js'

/** What `openModel` does for an ONNX model: its graph, built anew as its metadata say, with the file's weights. */
export async function loadOnnx(source: ByteSource, options: LoadModelOptions): Promise<LoadedModel> {
  const file = new CheckpointFile(source, defaultLimits)
  const { metadata, declared, initializers } = await readContents(file)
  const description = readMetadata(file, metadata)
  requireAsked(file, description, options)
  const { model, classes } = description
  const { edge = false, outputSize = 'features', passes: wanted = ['foldBatchNorm'] } = options

  const stored = graphOf(description)
  requireSignature(file, declared, signatureOf(stored))
  const weights = new StoredWeights(file, initializers)
  const complete = requireWeights(file, weights, description, stored)

  const graph = resized(edge ? stored : withoutEdge(stored), description.outputSize, outputSize)
  const needed = weights.neededBy(graph)
  const report = {
    ...complete,
    loaded: complete.loaded.filter((name) => needed.has(name)),
    unused: complete.loaded.filter((name) => !needed.has(name)),
  }
  const more = wanted.filter((pass) => !description.passes.includes(pass))
  return { model, classes, edge, graph: run(more, weights.bind(graph)), report }
}

function graphOf({ model, classes, edge, outputSize, passes: chosen }: OnnxDescription): Graph {
  return run(chosen, buildModel(model, { parameters: recordShapes(new Map()), classes, edge, outputSize }))
}

function run(chosen: OnnxDescription['passes'], graph: Graph): Graph {
  return chosen.reduce((rewritten, pass) => passes[pass](rewritten), graph)
}

function withoutEdge({ outputs: { edge: _, ...outputs } }: Graph): Graph {
  return { outputs }
}

type OutputSize = OnnxDescription['outputSize']

/** The graph with outputs of another size: `buildModel` makes them by one resize to the image, the last of all operators. */
function resized(graph: Graph, from: OutputSize, to: OutputSize): Graph {
  if (from === to) return graph
  const [image] = graphInputs(graph)
  const outputs = Object.entries(graph.outputs).map(([name, value]) => [
    name,
    to === 'image' ? resizeLike(value, image) : value.inputs[0],
  ])
  return { outputs: Object.fromEntries(outputs) }
}

/** @throws `checkpoint-mismatch` when another model, number of classes or an edge head that is not there was asked for */
function requireAsked(file: CheckpointFile, found: OnnxDescription, options: LoadModelOptions): void {
  const { model = found.model, classes = found.classes, edge = false } = options
  const asked = { model: modelInfo(model).name, classes, edge: edge || found.edge }
  if (summary(asked) === summary(found)) return
  throw new InverseFormError(
    'checkpoint-mismatch',
    `${file.name}: this is not ${summary(asked)}, but ${summary(found)}.`,
    { hint: hint(), details: { asked, found } },
  )

  function hint(): string {
    if (model !== found.model) return `Load it as ${found.model}, or without naming a model.`
    if (classes !== found.classes)
      return `Its classifier has ${found.classes} classes: ask for as many, or for none.`
    return 'Leave the edge head out, or convert the checkpoint with its edge head.'
  }
}

function summary({ model, classes, edge }: Pick<OnnxDescription, 'model' | 'classes' | 'edge'>): string {
  return `an ONNX model of ${model}${edge ? ' with its edge head' : ''}, ${classes} classes`
}

/** `image [N, 3, H, W]`, then each output. */
function signatureOf(graph: Graph): string[] {
  const inputs = graphInputs(graph).map(({ attributes, shape }) => `${attributes.name} ${formatShape(shape)}`)
  const outputs = Object.entries(graph.outputs).map(([name, { shape }]) => `${name} ${formatShape(shape)}`)
  return [...inputs, ...outputs]
}

function requireSignature(
  file: CheckpointFile,
  declared: readonly string[],
  expected: readonly string[],
): void {
  if (declared.length === expected.length && declared.every((text, i) => text === expected[i])) return
  const some = (signature: readonly string[]) =>
    signature.slice(0, 4).map(quoted).join(', ') + (signature.length > 4 ? ', …' : '') || 'none'
  throw file.invalid(
    `its inputs and outputs are ${some(declared)}, but its metadata say ${some(expected)}`,
    convertAgain,
  )
}

/** @throws `checkpoint-mismatch` naming weights that are missing, of another shape, or more than the graph has */
function requireWeights(
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
  const what = `${summary(description)}, as the metadata of ${file.name} say`
  requireComplete(report, what, () => convertAgain)
  if (report.unexpected.length === 0) return report
  const { length } = report.unexpected
  const more = listed(`${length} more tensor${length === 1 ? '' : 's'}`, report.unexpected.map(quoted))
  throw new InverseFormError('checkpoint-mismatch', `This is not ${what}: it has ${more}.`, {
    hint: convertAgain,
    details: { unexpected: report.unexpected },
  })
}
