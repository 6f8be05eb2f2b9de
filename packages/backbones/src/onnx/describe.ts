import { type InverseFormError, isInverseFormError } from '@inverseform/errors'
import { product } from '@inverseform/shared'
import { CheckpointFile } from '../checkpoint/file.js'
import { defaultLimits } from '../checkpoint/limits.js'
import { isOnnx as startsAsOnnx } from '../checkpoint/sniff.js'
import { type ByteSource, checkSource } from '../io/source.js'
import type { ModelName } from '../models/identify.js'
import { quoted } from '../models/load-report.js'
import { inverseNetZoo, zoo } from '../models/zoo.js'
import {
  elementType,
  formatValue,
  type OnnxContents,
  type OnnxOpset,
  type OnnxValue,
  readContents,
} from './contents.js'
import { type OnnxDescription, readMetadata } from './metadata.js'

/** A tensor of an ONNX model (an initializer). */
export interface OnnxTensor {
  readonly name: string
  readonly dtype: string
  readonly shape: readonly number[]
  /** 0 for strings, whose values have no fixed size. */
  readonly byteLength: number
  /** The file with the values, if they are not in the model's own file. */
  readonly location?: string
}

/** What an ONNX file holds, of any producer. */
export interface OnnxFile {
  /** The program that wrote the file and its version, such as `pytorch 2.1.0`; empty if the file does not say. */
  readonly producer: string
  readonly irVersion: number
  readonly opsets: readonly OnnxOpset[]
  readonly inputs: readonly OnnxValue[]
  readonly outputs: readonly OnnxValue[]
  readonly tensors: readonly OnnxTensor[]
  /** The number of operators. */
  readonly nodes: number
  readonly metadata: Readonly<Record<string, string>>
  /** The published model, for files that `inverseform convert` wrote. */
  readonly model?: ModelName
  /** How the graph was built, for files that `openModel` opens. */
  readonly description?: OnnxDescription
}

/** Whether a source holds an ONNX model, by its first bytes. */
export async function isOnnx(source: ByteSource): Promise<boolean> {
  checkSource(source)
  return startsAsOnnx(await source.read(0, Math.min(9, source.size)))
}

/**
 * Describes an ONNX file of any producer, without reading its weights.
 *
 * @throws InverseFormError `invalid-checkpoint` for a damaged file or another format
 *
 * @example
 * const source = await fileSource('model.onnx')
 * const { producer, inputs, outputs, tensors } = await describeOnnx(source)
 */
export async function describeOnnx(
  source: ByteSource,
  options: { readonly signal?: AbortSignal } = {},
): Promise<OnnxFile> {
  checkSource(source)
  const file = new CheckpointFile(source, defaultLimits, options.signal)
  if (!(await isOnnx(source))) throw file.invalid('this is not an ONNX file', 'Pass a .onnx file.')
  const contents = await readContents(file)
  const { producer, irVersion, opsets, inputs, outputs, nodes, metadata } = contents
  const description = descriptionOf(file, contents)
  return {
    producer,
    irVersion,
    opsets,
    inputs,
    outputs,
    tensors: contents.initializers.map(({ name, shape, type, location }) => {
      const [dtype, bits] = elementType(type)
      return { name, dtype, shape, byteLength: Math.ceil((bits * product(shape)) / 8), location }
    }),
    nodes,
    metadata,
    model: description?.model ?? (isInverseNet(contents) ? inverseNetZoo.name : undefined),
    description,
  }
}

/** Returns the description of a model of ours; undefined for others. */
function descriptionOf(file: CheckpointFile, contents: OnnxContents): OnnxDescription | undefined {
  try {
    return isOurs(contents) ? readMetadata(file, contents.metadata) : undefined
  } catch (error) {
    if (isInverseFormError(error)) return undefined
    throw error
  }
}

function isOurs({ producer }: OnnxContents): boolean {
  return producer === 'inverseform'
}

function isInverseNet(contents: OnnxContents): boolean {
  return isOurs(contents) && contents.metadata.model === inverseNetZoo.name
}

const accepted = `checkpoints (.pth or .safetensors) of ${Object.keys(zoo).join(', ')}`

/** @throws InverseFormError `invalid-checkpoint` for a model that another program wrote */
export function checkOurs(file: CheckpointFile, contents: OnnxContents): void {
  if (isOurs(contents)) return
  throw file.invalid(
    `this is an ONNX model of another program: ${summary(contents)}`,
    `Accepted are ONNX models that \`inverseform convert\` wrote, and ${accepted}.`,
  )
}

/** Returns the error of an ONNX model where a checkpoint is expected. It says what the file is. */
export async function notACheckpoint(file: CheckpointFile): Promise<InverseFormError> {
  const contents = await readContents(file)
  if (!isOurs(contents)) {
    return file.invalid(
      `this is an ONNX model of another program, not a checkpoint: ${summary(contents)}`,
      `Accepted are ${accepted}.`,
    )
  }
  const description = descriptionOf(file, contents)
  const model = description?.model ?? (isInverseNet(contents) ? inverseNetZoo.name : 'an unknown network')
  return file.invalid(
    `this is an ONNX model of ${model} that InverseForm wrote, not a checkpoint: ${summary(contents)}`,
    `Use the PyTorch checkpoint that it was converted from.${
      description ? ' Or open the model with openModel, or run it with `inverseform predict` or `eval`.' : ''
    }`,
  )
}

/** Formats what a model is, such as `pytorch 2.1.0, opset 17, from "x [1, 3, 224, 224]" to "y [1, 1000]", 161 tensors`. */
function summary({ producer, opsets, inputs, outputs, initializers }: OnnxContents): string {
  const version = opsets.find(({ domain }) => domain === '' || domain === 'ai.onnx')?.version
  const opset = version === undefined ? 'unknown opset' : `opset ${version}`
  const [from, to] = [inputs, outputs].map((values) => some(values.map(formatValue)))
  const { length } = initializers
  return `${producer === '' ? 'of an unknown producer' : producer.slice(0, 60)}, ${opset}, from ${from} to ${to}, ${length} tensor${length === 1 ? '' : 's'}`
}

/** Lists the first inputs or outputs. */
export function some(signature: readonly string[]): string {
  return signature.slice(0, 4).map(quoted).join(', ') + (signature.length > 4 ? ', …' : '') || 'none'
}
