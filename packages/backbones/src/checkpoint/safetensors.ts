import { product } from '@inverseform/shared'
import { decodeUtf8, readUint64 } from './decode.js'
import { itemSize } from './dtype.js'
import type { CheckpointFile } from './file.js'
import { toMetadata } from './metadata.js'
import { describe } from './pickle/values.js'
import { contiguousStrides, type StorageBytes, viewTensor } from './tensor-view.js'
import { collectTensors } from './tensors.js'
import type { Checkpoint, DType } from './types.js'

/** Element types by their safetensors names. */
export const safetensorsDTypes = {
  F64: 'float64',
  F32: 'float32',
  F16: 'float16',
  BF16: 'bfloat16',
  I64: 'int64',
  I32: 'int32',
  I16: 'int16',
  I8: 'int8',
  U8: 'uint8',
  BOOL: 'bool',
} as const satisfies Record<string, DType>

/** Bytes of the header length that precedes the header. */
export const LENGTH_SIZE = 8

interface Entry {
  readonly dtype: DType
  readonly shape: readonly number[]
  readonly start: number
  readonly end: number
}

/**
 * Opens a safetensors file: the length of a JSON header, the header, then the bytes of all tensors, little-endian and
 * without gaps (https://github.com/huggingface/safetensors).
 */
export async function openSafetensors(file: CheckpointFile): Promise<Checkpoint> {
  const length = readUint64(await file.read(0, LENGTH_SIZE, 'the length of the safetensors header'))
  file.check('maxHeaderBytes', length, 'bytes of the safetensors header')
  const dataStart = LENGTH_SIZE + length
  const header = parseHeader(file, await file.read(LENGTH_SIZE, dataStart, 'the safetensors header'))
  const metadata = readMetadata(file, header)
  const entries = new Map<string, Entry>()
  for (const [name, value] of Object.entries(header)) {
    if (name !== '__metadata__') entries.set(name, readEntry(file, name, value))
  }
  checkCoverage(file, entries, file.size - dataStart)

  const open = (name: string) => {
    const { dtype, shape, start, end } = entries.get(name)!
    const bytes: StorageBytes = {
      byteLength: end - start,
      read: (from, to) =>
        file.read(dataStart + start + from, dataStart + start + to, `tensor ${describe(name)}`),
    }
    const needed = product(shape) * itemSize(dtype)
    if (needed !== bytes.byteLength) {
      throw file.invalid(
        `tensor ${describe(name)} (${dtype}, shape [${shape}]) takes ${needed} bytes, the header gives it ${bytes.byteLength}`,
      )
    }
    return viewTensor(
      file,
      name,
      { dtype, shape, strides: contiguousStrides(shape), offset: 0 },
      bytes,
      'little',
    )
  }
  return { format: 'safetensors', tensors: collectTensors(file, entries.keys(), open), metadata }
}

type Json = Record<string, unknown>

function parseHeader(file: CheckpointFile, bytes: Uint8Array): Json {
  const text = decodeUtf8(bytes)
  if (text === undefined) throw file.invalid('its safetensors header is not UTF-8')
  let header: unknown
  try {
    header = JSON.parse(text)
  } catch (error) {
    throw file.invalid(`its safetensors header is not JSON: ${(error as Error).message}`)
  }
  if (!isObject(header)) throw file.invalid('its safetensors header is not a JSON object')
  return header
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function readMetadata(file: CheckpointFile, header: Json) {
  const found = Object.hasOwn(header, '__metadata__') ? header.__metadata__ : {}
  const entries = isObject(found) ? Object.entries(found) : undefined
  if (!entries?.every((entry): entry is [string, string] => typeof entry[1] === 'string')) {
    throw file.invalid('its safetensors __metadata__ is not an object of strings')
  }
  return toMetadata(file, new Map(entries))
}

function readEntry(file: CheckpointFile, name: string, value: unknown): Entry {
  const what = `tensor ${describe(name)}`
  const { dtype, shape, data_offsets: offsets } = isObject(value) ? value : ({} as Json)
  if (typeof dtype !== 'string' || !isSizes(shape) || !isSizes(offsets) || offsets.length !== 2) {
    throw file.invalid(
      `${what} lacks a dtype, shape or data_offsets of the right form in the safetensors header`,
    )
  }
  file.check('maxDimensions', shape.length, `${what}: dimensions`)
  if (!Object.hasOwn(safetensorsDTypes, dtype)) {
    throw file.invalid(
      `${what} has element type ${describe(dtype)}`,
      `Supported are ${Object.keys(safetensorsDTypes).join(', ')}. Convert the tensor in Python.`,
    )
  }
  const [start, end] = offsets as [number, number]
  return { dtype: safetensorsDTypes[dtype as keyof typeof safetensorsDTypes], shape, start, end }
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0)
}

/** Throws unless the tensors cover the data without gaps or overlaps, as the format requires. */
function checkCoverage(file: CheckpointFile, entries: ReadonlyMap<string, Entry>, dataSize: number): void {
  const byOffset = [...entries].sort(([, a], [, b]) => a.start - b.start || a.end - b.end)
  let covered = 0
  for (const [name, { start, end }] of byOffset) {
    if (start !== covered || end < start) {
      throw file.invalid(
        `tensor ${describe(name)} has data bytes ${start} to ${end}, expected from ${covered} on`,
      )
    }
    if (end > dataSize) {
      throw file.invalid(
        `tensor ${describe(name)} has data bytes ${start} to ${end}, the file has only ${dataSize}`,
        'The file is cut short or damaged: download or copy it again.',
      )
    }
    covered = end
  }
  if (covered !== dataSize) {
    throw file.invalid(`${dataSize} bytes of data, of which the tensors take ${covered}`)
  }
}
