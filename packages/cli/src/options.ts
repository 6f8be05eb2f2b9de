import { type SegmentationModelName, zoo } from '@inverseform/backbones'
import { InverseFormError } from '@inverseform/errors'
import type { Device, Precision, SegmenterOptions, SelfCheckOption } from '@inverseform/runtime-node'
import { InvalidArgumentError } from 'commander'

/** Options of every command that loads a model, as the user may give them: ours and upstream's names. */
export interface ModelFlags {
  readonly model?: SegmentationModelName
  readonly checkpoint?: string
  readonly hasEdge?: boolean
  readonly classes?: number
  readonly device: Device | 'auto'
  readonly deviceId?: readonly number[]
  readonly precision: Precision
  readonly selfCheck: SelfCheckOption
  readonly threads?: number
  readonly model_path?: string
  readonly arch?: string
  readonly hrnet_base?: number
  readonly has_edge?: boolean
}

export interface ModelChoice {
  readonly model?: SegmentationModelName
  readonly checkpoint: string
  readonly edge: boolean
  readonly classes?: number
}

/** Brings our options and upstream's together. */
export function modelChoice(flags: ModelFlags): ModelChoice {
  const model = flags.model ?? upstreamModel(flags)
  const checkpoint = flags.checkpoint ?? flags.model_path
  if (!checkpoint) {
    throw new InverseFormError('invalid-argument', 'No checkpoint was given.', {
      hint: model
        ? `Pass --checkpoint with the path of ${zoo[model].file}, published at ${zoo[model].url}.`
        : 'Pass --checkpoint with the path of a .pth, .safetensors or .onnx file; `inverseform models` lists the published ones.',
    })
  }
  return { model, checkpoint, edge: flags.hasEdge ?? flags.has_edge ?? false, classes: flags.classes }
}

/** Where a model is run. */
export function deviceChoice({
  device,
  deviceId,
  precision,
  selfCheck,
  threads,
}: ModelFlags): Pick<SegmenterOptions, 'device' | 'deviceId' | 'precision' | 'selfCheck' | 'threads'> {
  return { device, deviceId, precision, selfCheck, threads }
}

/** Upstream's `--arch` and `--hrnet_base` as one of our models. */
function upstreamModel({ arch, hrnet_base }: ModelFlags): SegmentationModelName | undefined {
  if (arch === undefined && hrnet_base === undefined) return undefined
  const found = Object.values(zoo).find(
    ({ upstream }) =>
      (arch === undefined || arch === upstream.arch) &&
      (hrnet_base === undefined || hrnet_base === upstream.hrnetBase),
  )
  if (found) return found.name
  const known = Object.values(zoo).map(
    ({ upstream }) => `--arch ${upstream.arch} --hrnet_base ${upstream.hrnetBase}`,
  )
  const given = [
    arch !== undefined && `--arch ${arch}`,
    hrnet_base !== undefined && `--hrnet_base ${hrnet_base}`,
  ]
  throw new InverseFormError(
    'invalid-argument',
    `No published model has ${given.filter(Boolean).join(' ')}.`,
    {
      hint: `The published ones are: ${known.join('; ')}.`,
    },
  )
}

export function parseModel(value: string): SegmentationModelName {
  if (Object.hasOwn(zoo, value)) return value as SegmentationModelName
  throw new InvalidArgumentError(`There is no such model. The models are ${Object.keys(zoo).join(', ')}.`)
}

/** `1`, `True`, `yes`, …: upstream's flags take a value. */
export function parseBoolean(value: string): boolean {
  if (/^(1|true|yes|on)$/i.test(value)) return true
  if (/^(0|false|no|off|)$/i.test(value)) return false
  throw new InvalidArgumentError('Give true or false.')
}

export function parseCount(value: string): number {
  const count = Number(value)
  if (Number.isInteger(count) && count > 0) return count
  throw new InvalidArgumentError('Give a whole number above 0.')
}

export function parseCountOrZero(value: string): number {
  const count = Number(value)
  if (value.trim() !== '' && Number.isInteger(count) && count >= 0) return count
  throw new InvalidArgumentError('Give a whole number, 0 or above.')
}

/** `0` or `0,1` */
export function parseDeviceIds(value: string): number[] {
  const ids = value.split(',')
  if (ids.every((id) => /^\s*\d+\s*$/.test(id))) return ids.map(Number)
  throw new InvalidArgumentError('Give numbers from 0 with commas between them, such as 0,1.')
}

/** Of the bootstrap. */
export function parseSamples(value: string): number {
  const samples = Number(value)
  if (Number.isInteger(samples) && samples >= 2 && samples <= 1e6) return samples
  throw new InvalidArgumentError('Give a whole number from 2 to 1000000.')
}

/** A class id, or `none`. */
export function parseIgnoreIndex(value: string): number | 'none' {
  if (value === 'none') return value
  if (/^-?\d+$/.test(value)) return Number(value)
  throw new InvalidArgumentError('Give a whole number, or none.')
}

/** `0.5,1,2` */
export function parseScales(value: string): number[] {
  const scales = value
    .split(/[,\s]+/)
    .filter(Boolean)
    .map(Number)
  if (scales.length > 0 && scales.every((scale) => scale > 0)) return scales
  throw new InvalidArgumentError('Give numbers above 0 with commas between them, such as 0.5,1,2.')
}

/** One of a list of words, several with commas between them. */
export function parseWords<T extends string>(known: readonly T[]): (value: string) => T[] {
  return (value) => {
    const words = value.split(',').map((word) => word.trim())
    const wrong = words.find((word) => !known.includes(word as T))
    if (wrong === undefined) return words as T[]
    throw new InvalidArgumentError(`"${wrong}" is none of ${known.join(', ')}.`)
  }
}

/** Names of folders with commas between them. */
export function parseNames(value: string): string[] {
  const names = value.split(',').map((name) => name.trim())
  if (!names.includes('')) return names
  throw new InvalidArgumentError('Give names with commas between them, such as train,val.')
}
