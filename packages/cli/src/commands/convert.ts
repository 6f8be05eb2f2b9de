import {
  type ByteSink,
  type Checkpoint,
  identifyModel,
  inverseNetZoo,
  loadInverseNet,
  loadModel,
  openCheckpoint,
  writeSafetensors,
} from '@inverseform/backbones'
import { formatShape, type Graph, graphInputs } from '@inverseform/backbones/graph'
import { fileSource } from '@inverseform/backbones/node'
import { encodeOnnx, onnxMetadata } from '@inverseform/backbones/onnx'
import { InverseFormError } from '@inverseform/errors'
import { writeFileAtomically } from '@inverseform/shared/node'
import type { Command } from 'commander'
import { addModelOptions, type ModelFlags, modelChoice } from '../options/model.js'
import { noteOnTensors } from '../output/text/segmenter-notes.js'
import type { Terminal } from '../terminal.js'

interface ConvertFlags extends ModelFlags {
  readonly out: string
  readonly featureSize?: boolean
}

export function addConvertCommand(program: Command, terminal: Terminal, signal: AbortSignal): void {
  const command = program
    .command('convert')
    .description('Convert a checkpoint to ONNX (opset 17, dynamic sizes) or safetensors')
    .argument('<checkpoint>', 'a .pth or .safetensors file')
    .requiredOption('-o, --out <file>', 'write this .onnx or .safetensors file')
  addModelOptions(command)
    .option('--feature-size', "keep the network's smaller outputs, for runtimes that resize them")
    .addHelpText(
      'after',
      `
Examples:
  inverseform convert hr16s_4k_slim.pth --out model.onnx --edge-head
  inverseform convert hr16s_4k_slim.pth --out model.safetensors`,
    )
    .action((checkpoint: string, flags: ConvertFlags) => convertCommand(checkpoint, flags, terminal, signal))
}

/** Writes a checkpoint as ONNX or safetensors, by the extension of `--out`. */
async function convertCommand(
  checkpoint: string,
  flags: ConvertFlags,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<void> {
  const { out } = flags
  const format = /\.(onnx|safetensors)$/i.exec(out)?.[1].toLowerCase()
  if (!format) {
    throw new InverseFormError(
      'invalid-argument',
      `--out must end in .onnx or .safetensors, got ${JSON.stringify(out)}.`,
      { hint: 'The extension selects the format.' },
    )
  }
  await using source = await fileSource(checkpoint)
  const opened = await openCheckpoint(source)
  if (format === 'safetensors') {
    const metadata = Object.entries(opened.metadata).map(([key, value]) => [
      key,
      typeof value === 'string' ? value : JSON.stringify(value),
    ])
    await writeFileAtomically(out, (sink) =>
      writeSafetensors(opened.tensors.values(), abortable(sink, signal), Object.fromEntries(metadata)),
    )
    terminal.err(`Wrote ${opened.tensors.size} tensors to ${out}\n`)
    return
  }
  const { graph, metadata } = loadGraph(opened, flags, terminal)
  const encoded = encodeOnnx(graph, { metadata })
  await writeFileAtomically(out, (sink) => encoded.write(abortable(sink, signal)))
  const inputs = graphInputs(graph).map(({ attributes, shape }) => `${attributes.name} ${formatShape(shape)}`)
  const outputs = Object.keys(graph.outputs).join(', ')
  terminal.err(
    `Wrote ${out}: from ${inputs.join(', ')} to ${outputs}; ${mebibytes(encoded.byteLength)} MiB\n`,
  )
}

/** Returns the checkpoint's network and the metadata of its ONNX file. */
function loadGraph(
  opened: Checkpoint,
  flags: ConvertFlags,
  terminal: Terminal,
): { graph: Graph; metadata: Record<string, string> } {
  const choice = modelChoice(flags)
  const model = choice.model ?? identifyModel(opened)
  if (model === inverseNetZoo.name) {
    return { graph: loadInverseNet(opened).graph, metadata: { model: inverseNetZoo.name } }
  }
  const outputSize = flags.featureSize ? 'features' : 'image'
  const loaded = loadModel(opened, { ...choice, model, outputSize })
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
