import {
  type ByteSink,
  type Checkpoint,
  encodeOnnx,
  formatShape,
  type Graph,
  graphInputs,
  identifyModel,
  inverseNetZoo,
  loadInverseNet,
  loadModel,
  onnxMetadata,
  openCheckpoint,
  writeSafetensors,
} from '@inverseform/backbones'
import { fileSource, writeFileAtomically } from '@inverseform/backbones/node'
import { InverseFormError } from '@inverseform/errors'
import type { ModelFlags } from '../options.js'
import { noteOnTensors } from '../output/load-report.js'
import type { Terminal } from '../terminal.js'

export interface ConvertFlags extends Pick<ModelFlags, 'model' | 'hasEdge' | 'classes'> {
  readonly output: string
  readonly featureSize?: boolean
}

/** Writes a checkpoint as ONNX or safetensors, by the output's extension. */
export async function convertCommand(
  checkpoint: string,
  flags: ConvertFlags,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<void> {
  const format = /\.(onnx|safetensors)$/i.exec(flags.output)?.[1].toLowerCase()
  if (!format) {
    throw new InverseFormError(
      'invalid-argument',
      `${flags.output} is neither an .onnx nor a .safetensors file.`,
      {
        hint: 'The extension of --output chooses the format.',
      },
    )
  }
  await using source = await fileSource(checkpoint)
  const opened = await openCheckpoint(source)
  if (format === 'safetensors') {
    const metadata = Object.entries(opened.metadata).map(([key, value]) => [
      key,
      typeof value === 'string' ? value : JSON.stringify(value),
    ])
    await writeFileAtomically(flags.output, (sink) =>
      writeSafetensors(opened.tensors.values(), abortable(sink, signal), Object.fromEntries(metadata)),
    )
    terminal.err(`Wrote ${opened.tensors.size} tensors to ${flags.output}\n`)
    return
  }
  const { graph, metadata } = loadGraph(opened, flags, terminal)
  const encoded = encodeOnnx(graph, { metadata })
  await writeFileAtomically(flags.output, (sink) => encoded.write(abortable(sink, signal)))
  const inputs = graphInputs(graph).map(({ attributes, shape }) => `${attributes.name} ${formatShape(shape)}`)
  const outputs = Object.keys(graph.outputs).join(', ')
  terminal.err(
    `Wrote ${flags.output}: from ${inputs.join(', ')} to ${outputs}; ${mebibytes(encoded.byteLength)} MiB\n`,
  )
}

/** The checkpoint's network, and what its ONNX file says of itself. */
function loadGraph(
  opened: Checkpoint,
  flags: ConvertFlags,
  terminal: Terminal,
): { graph: Graph; metadata: Record<string, string> } {
  const model = flags.model ?? identifyModel(opened)
  if (model === inverseNetZoo.name) {
    return { graph: loadInverseNet(opened).graph, metadata: { model: inverseNetZoo.name } }
  }
  const { hasEdge: edge, classes, featureSize } = flags
  const outputSize = featureSize ? 'features' : 'image'
  const loaded = loadModel(opened, { model, edge, classes, outputSize })
  noteOnTensors(loaded, terminal)
  return { graph: loaded.graph, metadata: onnxMetadata({ ...loaded, outputSize }) }
}

function abortable(sink: ByteSink, signal: AbortSignal): ByteSink {
  return {
    async write(bytes) {
      signal.throwIfAborted()
      await sink.write(bytes)
    },
  }
}

function mebibytes(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(1)
}
