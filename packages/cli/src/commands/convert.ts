import {
  type ByteSink,
  type Checkpoint,
  identifyModel,
  inverseNetZoo,
  loadInverseNet,
  loadModel,
  openCheckpoint,
  type WritableTensor,
  writeSafetensors,
} from '@inverseform/backbones'
import { formatShape, type Graph, graphInputs } from '@inverseform/backbones/graph'
import { fileSource } from '@inverseform/backbones/node'
import { encodeOnnx, onnxMetadata } from '@inverseform/backbones/onnx'
import { InverseFormError } from '@inverseform/errors'
import { writeFileAtomically } from '@inverseform/shared/node'
import type { Command } from 'commander'
import { CHECKPOINT, fetchCheckpoint } from '../options/checkpoint.js'
import { addModelOptions, type ModelFlags, modelChoice } from '../options/model.js'
import { noteOnTensors } from '../output/text/segmenter-notes.js'
import type { Printer } from '../printer.js'

interface ConvertFlags extends ModelFlags {
  readonly out: string
  readonly featureSize?: boolean
}

export function setUpConvert(command: Command, printer: Printer, signal: AbortSignal): void {
  command
    .argument('<checkpoint>', `${CHECKPOINT} (.pth or .safetensors)`)
    .requiredOption('-o, --out <file>', 'write this .onnx or .safetensors file')
  addModelOptions(command)
    .option('--feature-size', "keep the network's smaller outputs, for runtimes that resize them")
    .addHelpText(
      'after',
      `
Examples:
  inverseform convert hrnet16-slim --out model.onnx --edge-head
  inverseform convert hrnet16-slim --out model.safetensors`,
    )
    .action((checkpoint: string, flags: ConvertFlags) => convertCommand(checkpoint, flags, printer, signal))
}

/** Writes a checkpoint as ONNX or safetensors, by the extension of `--out`. */
async function convertCommand(
  checkpoint: string,
  flags: ConvertFlags,
  printer: Printer,
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
  await using source = await fileSource(await fetchCheckpoint(checkpoint, { printer, signal }))
  const opened = await openCheckpoint(source, { key: flags.key, signal })
  if (format === 'safetensors') {
    const tensors = readableTensors(opened, printer)
    const metadata = Object.entries(opened.metadata).map(([key, value]) => [
      key,
      typeof value === 'string' ? value : JSON.stringify(value),
    ])
    await writeFileAtomically(out, (sink) =>
      writeSafetensors(tensors, abortable(sink, signal), Object.fromEntries(metadata)),
    )
    printer.line(`Wrote ${tensors.length} tensors to ${out}`)
    return
  }
  const { graph, metadata } = loadGraph(opened, flags, printer)
  const encoded = encodeOnnx(graph, { metadata })
  await writeFileAtomically(out, (sink) => encoded.write(abortable(sink, signal)))
  const inputs = graphInputs(graph).map(({ attributes, shape }) => `${attributes.name} ${formatShape(shape)}`)
  const outputs = Object.keys(graph.outputs).join(', ')
  printer.line(`Wrote ${out}: from ${inputs.join(', ')} to ${outputs}; ${mebibytes(encoded.byteLength)} MiB`)
}

/** Returns the checkpoint's network and the metadata of its ONNX file. */
function loadGraph(
  opened: Checkpoint,
  flags: ConvertFlags,
  printer: Printer,
): { graph: Graph; metadata: Record<string, string> } {
  const choice = modelChoice(flags)
  const model = choice.model ?? identifyModel(opened)
  if (model === inverseNetZoo.name) {
    return { graph: loadInverseNet(opened).graph, metadata: { model: inverseNetZoo.name } }
  }
  const outputSize = flags.featureSize ? 'features' : 'image'
  const loaded = loadModel(opened, { ...choice, model, outputSize })
  noteOnTensors(loaded, printer)
  return { graph: loaded.graph, metadata: onnxMetadata({ ...loaded, outputSize }) }
}

/** Returns the tensors whose values can be read, and notes the others. */
function readableTensors({ tensors }: Checkpoint, printer: Printer): WritableTensor[] {
  for (const { name, unreadable } of tensors.values()) {
    if (unreadable !== undefined) printer.note(`The tensor ${name} is not written: ${unreadable}.`)
  }
  return [...tensors.values()].filter(({ unreadable }) => unreadable === undefined) as WritableTensor[]
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
