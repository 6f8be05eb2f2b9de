import { type Checkpoint, identifyModel, openCheckpoint } from '@inverseform/backbones'
import { fileSource } from '@inverseform/backbones/node'
import { describeOnnx, isOnnx, type OnnxFile, type OnnxValue } from '@inverseform/backbones/onnx'
import { InverseFormError } from '@inverseform/errors'
import { product, sum, visibleJson, visibleLine } from '@inverseform/shared'
import type { Command } from 'commander'
import { addCheckpointArgument, checkpointOf, fetchCheckpoint } from '../options/checkpoint.js'
import { addKeyOption } from '../options/model.js'
import { columns } from '../output/text/columns.js'
import type { Printer } from '../printer.js'

interface InspectFlags {
  readonly checkpoint?: string
  readonly key?: string
  readonly verify?: boolean
  readonly json?: boolean
}

export function setUpInspect(command: Command, printer: Printer, signal: AbortSignal): void {
  addKeyOption(addCheckpointArgument(command, '.pth, .safetensors or .onnx'))
    .option('--verify', 'read the whole file, and compare its checksums')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
Examples:
  inverseform inspect hrnet16-slim
  inverseform inspect --checkpoint hrnet16-slim --json`,
    )
    .action((argument: string | undefined, flags: InspectFlags) =>
      inspectCommand(checkpointOf(command, argument, flags.checkpoint), flags, printer, signal),
    )
}

/** Shows the contents of a checkpoint. Reads its weights only with `--verify`. */
async function inspectCommand(
  checkpoint: string,
  flags: InspectFlags,
  printer: Printer,
  signal: AbortSignal,
): Promise<void> {
  const path = await fetchCheckpoint(checkpoint, { printer, signal })
  await using source = await fileSource(path)
  if (await isOnnx(source)) {
    checkOnnxFlags(flags)
    const file = await describeOnnx(source, { signal })
    if (flags.json) printer.json({ path, bytes: source.size, format: 'onnx', ...file })
    else printer.out(onnxText(file, source.size))
    return
  }
  const opened = await openCheckpoint(source, { key: flags.key, signal })
  const verified = flags.verify ? await opened.verify({ signal }) : undefined
  const model = identifyModel(opened)
  if (flags.json) {
    const { format, metadata } = opened
    const tensors = [...opened.tensors.values()].map(({ name, dtype, shape, byteLength, unreadable }) => ({
      name,
      dtype,
      shape,
      byteLength,
      unreadable,
    }))
    printer.json({ path, bytes: source.size, format, model, metadata, tensors, verified })
    return
  }
  printer.out(checkpointText(opened, source.size, model))
  if (verified) {
    const { parts, bytes, checksums } = verified
    printer.out(`read whole: ${parts} parts, ${bytes} bytes, ${checksums} checksums compared\n`)
  }
}

function checkOnnxFlags({ key, verify }: InspectFlags): void {
  const flag = key !== undefined ? '--key' : verify ? '--verify' : undefined
  if (flag === undefined) return
  throw new InverseFormError('invalid-argument', `${flag} cannot be used with an ONNX file.`, {
    hint: `Omit ${flag}.`,
  })
}

function checkpointText(checkpoint: Checkpoint, size: number, model: string | undefined): string {
  const tensors = [...checkpoint.tensors.values()]
  const values = sum(tensors.map(({ shape }) => product(shape)))
  const unreadable = tensors.filter((tensor) => tensor.unreadable !== undefined)
  return [
    tensorTable(tensors),
    metadataText(checkpoint.metadata),
    ...unreadable.map(
      (tensor) => `note: ${visibleLine(`${tensor.name} cannot be read: ${tensor.unreadable}`)}.\n`,
    ),
    `\n${tensors.length} tensors, ${values} values, ${checkpoint.format}, ${megabytes(size)} MB; model: ${model ?? 'unknown'}\n`,
  ].join('')
}

function onnxText(file: OnnxFile, size: number): string {
  const { producer, opsets, inputs, outputs, tensors, nodes, metadata, model } = file
  const versions = opsets.map(({ domain, version }) => `${domain === '' ? '' : `${domain} `}${version}`)
  const values = sum(tensors.map(({ shape }) => product(shape)))
  const from = producer === '' ? 'an unknown program' : producer
  return [
    tensorTable(tensors),
    `\n${columns([['', 'name', 'dtype', 'shape'], ...inputs.map(row('input')), ...outputs.map(row('output'))])}`,
    metadataText(metadata),
    `\n${tensors.length} tensors, ${values} values, ${nodes} operators, onnx, ${megabytes(size)} MB; `,
    visibleLine(`written by ${from}, opset ${versions.join(', ')}; model: ${model ?? 'unknown'}`),
    '\n',
  ].join('')
}

const row =
  (kind: string) =>
  ({ name, dtype, shape }: OnnxValue): string[] => [
    kind,
    name,
    dtype,
    shape === undefined ? 'any' : shapeText(shape),
  ]

const shapeText = (shape: readonly (number | string)[]): string => `[${shape.join(', ')}]`

const tensorTable = (
  tensors: readonly { readonly name: string; readonly dtype: string; readonly shape: readonly number[] }[],
): string =>
  columns([
    ['name', 'dtype', 'shape'],
    ...tensors.map(({ name, dtype, shape }) => [name, dtype, shapeText(shape)]),
  ])

function metadataText(metadata: object): string {
  const facts = Object.entries(metadata).map(
    ([key, value]) => `  ${visibleLine(key)}: ${visibleJson(value)}\n`,
  )
  return facts.length > 0 ? `\nmetadata\n${facts.join('')}` : ''
}

const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(1)
