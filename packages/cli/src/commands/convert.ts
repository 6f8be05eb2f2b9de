import {
  type ByteSink,
  type ByteSource,
  type Checkpoint,
  identifyModel,
  inverseNetZoo,
  loadInverseNet,
  loadModel,
  openCheckpoint,
  openModel,
  type WritableTensor,
  writeSafetensors,
} from '@inverseform/backbones'
import {
  formatShape,
  type Graph,
  graphInputs,
  quantizeMaps,
  withoutQuantization,
} from '@inverseform/backbones/graph'
import { fileSource } from '@inverseform/backbones/node'
import {
  type ComputeType,
  describeOnnx,
  encodeOnnx,
  isOnnx,
  onnxMetadata,
  type WeightPrecision,
} from '@inverseform/backbones/onnx'
import { InverseFormError } from '@inverseform/errors'
import { calibrate } from '@inverseform/runtime-node'
import { writeFileAtomically } from '@inverseform/shared/node'
import { type Command, Option } from 'commander'
import { findImages } from '../input-images.js'
import { addCheckpointArgument, checkpointOf, fetchCheckpoint } from '../options/checkpoint.js'
import { addModelOptions, type ModelFlags, modelChoice } from '../options/model.js'
import { checkWritable } from '../output/check-writable.js'
import { noteOnTensors } from '../output/text/segmenter-notes.js'
import type { Printer } from '../printer.js'

interface ConvertFlags extends ModelFlags {
  readonly out: string
  readonly featureSize?: boolean
  readonly precision?: WeightPrecision
  readonly compute?: ComputeType
  readonly calibrate?: string
}

export function setUpConvert(command: Command, printer: Printer, signal: AbortSignal): void {
  addModelOptions(
    addCheckpointArgument(command, '.pth, .safetensors, or .onnx as this command writes it').requiredOption(
      '-o, --out <file>',
      'write this .onnx or .safetensors file',
    ),
  )
    .option('--feature-size', "keep the network's smaller outputs, for runtimes that resize them")
    .addOption(
      new Option(
        '--precision <type>',
        'store the weights of an .onnx file in this type: float16 halves the file; int8 also computes in int8 on CPUs (default: float32)',
      ).choices(['float32', 'float16', 'int8']),
    )
    .option(
      '--calibrate <folder>',
      'images like those to segment, up to 32 of which --precision int8 measures the network on',
    )
    .addOption(
      new Option(
        '--compute <type>',
        'let other runtimes compute in this type; float16 is for GPUs, and stores float16 weights (default: float32)',
      ).choices(['float32', 'float16']),
    )
    .addHelpText(
      'after',
      `
Examples:
  inverseform convert hrnet16-slim --out model.onnx --edge-head
  inverseform convert hrnet16-slim --out half.onnx --precision float16
  inverseform convert hrnet16-slim --out int8.onnx --precision int8 --calibrate photos
  inverseform convert hrnet16-slim --out model.safetensors`,
    )
    .action((argument: string | undefined, flags: ConvertFlags) =>
      convertCommand(checkpointOf(command, argument, flags.checkpoint), flags, printer, signal),
    )
}

/** Writes a checkpoint as ONNX or safetensors, by the extension of `--out`. */
async function convertCommand(
  checkpoint: string,
  flags: ConvertFlags,
  printer: Printer,
  signal: AbortSignal,
): Promise<void> {
  const { out, precision, compute } = flags
  const format = /\.(onnx|safetensors)$/i.exec(out)?.[1].toLowerCase()
  if (!format) {
    throw new InverseFormError(
      'invalid-argument',
      `--out must end in .onnx or .safetensors, got ${JSON.stringify(out)}.`,
      { hint: 'The extension selects the format.' },
    )
  }
  if (format === 'safetensors') checkOnnxFlags(flags)
  if (compute === 'float16' && precision === 'float32') {
    throw new InverseFormError('invalid-argument', '--compute float16 stores the weights in float16, too.', {
      hint: 'Omit --precision float32 or --compute float16.',
    })
  }
  checkCalibration(flags)
  await checkWritable([out])
  await using source = await fileSource(await fetchCheckpoint(checkpoint, { printer, signal }))
  if (format === 'safetensors') {
    await writeTensors(await openTensors(source, flags, signal), out, printer, signal)
    return
  }
  const network = (await isOnnx(source))
    ? await openNetwork(source, flags, printer, signal)
    : loadNetwork(await openCheckpoint(source, { key: flags.key, signal }), flags, printer)
  const isInt8 = precision === 'int8'
  const { graph, metadata } = isInt8
    ? await quantized(network, flags.calibrate as string, out, signal)
    : network
  const encoded = encodeOnnx(graph, { metadata, precision: isInt8 ? undefined : precision, compute })
  await writeFileAtomically(out, (sink) => encoded.write(abortable(sink, signal)))
  const inputs = graphInputs(graph).map(({ attributes, shape }) => `${attributes.name} ${formatShape(shape)}`)
  const outputs = Object.keys(graph.outputs).join(', ')
  const stored = compute === 'float16' ? compute : precision
  const weights = stored === 'float16' ? ', weights in float16' : 'mapScales' in metadata ? ', in int8' : ''
  printer.line(
    `Wrote ${out}: from ${inputs.join(', ')} to ${outputs}${weights}; ${megabytes(encoded.byteLength)} MB`,
  )
}

/** @throws InverseFormError `invalid-argument` for flags that do not fit int8 */
function checkCalibration({ precision, compute, calibrate: folder }: ConvertFlags): void {
  if (precision !== 'int8') {
    if (folder === undefined) return
    throw new InverseFormError('invalid-argument', '--calibrate is only for --precision int8.', {
      hint: 'Add --precision int8, or omit --calibrate.',
    })
  }
  if (folder === undefined) {
    throw new InverseFormError('invalid-argument', '--precision int8 needs --calibrate.', {
      hint: 'Pass a folder with images like those to segment, best about 30: --calibrate photos.',
    })
  }
  if (compute !== undefined) {
    throw new InverseFormError('invalid-argument', '--precision int8 and --compute exclude each other.', {
      hint: 'Omit --compute: an int8 network computes in int8, and its first and last layers in float32.',
    })
  }
}

/** Returns a network in int8, with scales measured on the images of a folder. */
async function quantized(
  { graph, description, metadata }: Network,
  folder: string,
  out: string,
  signal: AbortSignal,
): Promise<Network> {
  if (description === undefined) {
    throw new InverseFormError('invalid-argument', `${metadata.model} cannot be converted to int8.`, {
      hint: 'Convert a network that segments images, or omit --precision int8.',
    })
  }
  const { images } = await findImages([folder], out)
  const inFloat = withoutQuantization(graph)
  const mapScales = await calibrate(
    inFloat,
    images.map(({ path }) => path),
    { signal },
  )
  return networkOf(quantizeMaps(inFloat, mapScales), { ...description, mapScales })
}

/** @throws InverseFormError `invalid-argument` for flags of networks, where only the tensors are copied */
function checkOnnxFlags({ precision, compute, featureSize, calibrate: folder }: ConvertFlags): void {
  const flag =
    (precision && '--precision') ||
    (compute && '--compute') ||
    (folder && '--calibrate') ||
    (featureSize && '--feature-size') ||
    undefined
  if (flag === undefined) return
  throw new InverseFormError('invalid-argument', `${flag} needs an .onnx file as --out.`, {
    hint: `Omit ${flag}, since .safetensors holds the tensors as they are, or write .onnx.`,
  })
}

interface Network {
  readonly graph: Graph
  /** The metadata of its ONNX file. */
  readonly metadata: Readonly<Record<string, string>>
  /** How a segmentation network was built. */
  readonly description?: NetworkDescription
}

type NetworkDescription = Parameters<typeof onnxMetadata>[0]

const networkOf = (graph: Graph, description: NetworkDescription): Network => ({
  graph,
  description,
  metadata: onnxMetadata(description),
})

/** Returns a checkpoint's network. */
function loadNetwork(opened: Checkpoint, flags: ConvertFlags, printer: Printer): Network {
  const choice = modelChoice(flags)
  const model = choice.model ?? identifyModel(opened)
  if (model === inverseNetZoo.name) {
    return { graph: loadInverseNet(opened).graph, metadata: { model: inverseNetZoo.name } }
  }
  const outputSize = flags.featureSize ? 'features' : 'image'
  const loaded = loadModel(opened, { ...choice, model, outputSize })
  noteOnTensors(loaded, printer)
  return networkOf(loaded.graph, { ...loaded, outputSize })
}

/** Returns the network of an ONNX file of ours as it is, except for what the flags ask for. */
async function openNetwork(
  source: ByteSource,
  flags: ConvertFlags,
  printer: Printer,
  signal: AbortSignal,
): Promise<Network> {
  const { model, description, tensors } = await describeOnnx(source, { signal })
  if (model === inverseNetZoo.name) {
    throw new InverseFormError('invalid-checkpoint', `${source.name}: this is an ONNX file of InverseNet.`, {
      hint: 'Convert its checkpoint: `inverseform convert inversenet --out inversenet.onnx`.',
    })
  }
  const choice = modelChoice(flags)
  const outputSize = flags.featureSize ? 'features' : description?.outputSize
  // A network is computed in float16 without batch normalizations.
  const passes = [...new Set([...(description?.passes ?? []), 'foldBatchNorm' as const])]
  const edgeHead = choice.edgeHead || description?.edgeHead
  const loaded = await openModel(source, { ...choice, edgeHead, outputSize, passes, key: flags.key, signal })
  noteOnTensors(loaded, printer)
  const compact = tensors.map(({ dtype }) => dtype).find((dtype) => dtype === 'float16' || dtype === 'int8')
  const staysInt8 = description?.mapScales && flags.precision === undefined
  const becomesFloat32 =
    !staysInt8 && (flags.precision ?? 'float32') === 'float32' && flags.compute !== 'float16'
  if (compact && becomesFloat32) {
    printer.note(
      `The weights were stored in ${compact}. In float32 they have the same values: what was rounded off stays lost.`,
    )
  }
  const isFloat = flags.precision !== undefined || flags.compute === 'float16'
  const mapScales = isFloat ? undefined : description?.mapScales
  const graph = isFloat ? withoutQuantization(loaded.graph) : loaded.graph
  return networkOf(graph, { ...loaded, outputSize, passes, mapScales })
}

/** @throws InverseFormError `invalid-checkpoint` for an ONNX file */
async function openTensors(
  source: ByteSource,
  { key }: ConvertFlags,
  signal: AbortSignal,
): Promise<Checkpoint> {
  if (!(await isOnnx(source))) return openCheckpoint(source, { key, signal })
  throw new InverseFormError(
    'invalid-checkpoint',
    `${source.name}: this is an ONNX file, which cannot become .safetensors.`,
    {
      hint: 'Its batch normalizations are part of its convolutions. Convert the checkpoint that it was made from.',
    },
  )
}

async function writeTensors(
  opened: Checkpoint,
  out: string,
  printer: Printer,
  signal: AbortSignal,
): Promise<void> {
  const tensors = readableTensors(opened, printer)
  const metadata = Object.entries(opened.metadata).map(([key, value]) => [
    key,
    typeof value === 'string' ? value : JSON.stringify(value),
  ])
  await writeFileAtomically(out, (sink) =>
    writeSafetensors(tensors, abortable(sink, signal), Object.fromEntries(metadata)),
  )
  printer.line(`Wrote ${tensors.length} tensors to ${out}`)
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

const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(1)
