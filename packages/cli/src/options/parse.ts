import { type SegmentationModelName, zoo } from '@inverseform/backbones'
import { orList } from '@inverseform/shared'
import { InvalidArgumentError } from 'commander'
import type { Shard } from '../state/run-plan.js'

/** Parses the name of a published model. */
export function parseModel(value: string): SegmentationModelName {
  if (Object.hasOwn(zoo, value)) return value as SegmentationModelName
  throw new InvalidArgumentError(`Use one of ${orList(Object.keys(zoo))}.`)
}

/** Parses `1`, `True`, `yes`, …: upstream's flags have a value. */
export function parseBoolean(value: string): boolean {
  if (/^(1|true|yes|on)$/i.test(value)) return true
  if (/^(0|false|no|off|)$/i.test(value)) return false
  throw new InvalidArgumentError('Use true or false.')
}

/** Parses an integer above 0. */
export function parseCount(value: string): number {
  const count = Number(value)
  if (Number.isInteger(count) && count > 0) return count
  throw new InvalidArgumentError('Use an integer above 0.')
}

/** Parses a number of workers or `auto`. */
export function parseWorkers(value: string): number | 'auto' {
  if (value === 'auto') return value
  const count = Number(value)
  if (Number.isInteger(count) && count > 0) return count
  throw new InvalidArgumentError('Use an integer above 0, or auto.')
}

/** Parses an integer of at least 0. */
export function parseCountOrZero(value: string): number {
  const count = Number(value)
  if (value.trim() !== '' && Number.isInteger(count) && count >= 0) return count
  throw new InvalidArgumentError('Use an integer of at least 0.')
}

/** Parses a port, or 0 for any. */
export function parsePort(value: string): number {
  if (/^\d{1,5}$/.test(value) && Number(value) < 2 ** 16) return Number(value)
  throw new InvalidArgumentError('Use an integer from 0 to 65535.')
}

/** The most seconds that timers of Node take, rounded. */
const MOST_SECONDS = 2_000_000

/** Parses a number of seconds above 0. */
export function parseSeconds(value: string): number {
  const seconds = Number(value)
  if (seconds > 0 && seconds <= MOST_SECONDS) return seconds
  throw new InvalidArgumentError(`Use a number of seconds above 0, at most ${MOST_SECONDS}.`)
}

/** Parses GPU numbers, such as `0` or `0,1`. */
export function parseDeviceIds(value: string): number[] {
  const ids = value.split(',')
  if (ids.every((id) => /^\s*\d+\s*$/.test(id))) return ids.map(Number)
  throw new InvalidArgumentError('Use GPU numbers from 0, separated by commas, such as 0,1.')
}

/** Parses the number of bootstrap samples. */
export function parseSamples(value: string): number {
  const samples = Number(value)
  if (Number.isInteger(samples) && samples >= 2 && samples <= 1e6) return samples
  throw new InvalidArgumentError('Use an integer from 2 to 1000000.')
}

/** Parses a class id or `none`. */
export function parseIgnoreIndex(value: string): number | 'none' {
  if (value === 'none') return value
  if (/^-?\d+$/.test(value)) return Number(value)
  throw new InvalidArgumentError('Use an integer or none.')
}

/** Parses scales, such as `0.5,1,2`. */
export function parseScales(value: string): number[] {
  const scales = value
    .split(/[,\s]+/)
    .filter(Boolean)
    .map(Number)
  if (scales.length > 0 && scales.every((scale) => scale > 0)) return scales
  throw new InvalidArgumentError('Use numbers above 0, separated by commas, such as 0.5,1,2.')
}

/** Returns a parser of words from a list, separated by commas. */
export function parseWords<T extends string>(allowed: readonly T[]): (value: string) => T[] {
  return (value) => {
    const words = value.split(',').map((word) => word.trim())
    const unknown = words.find((word) => !allowed.includes(word as T))
    if (unknown === undefined) return words as T[]
    throw new InvalidArgumentError(`"${unknown}" is unknown. Use ${orList(allowed)}.`)
  }
}

/** Returns a parser of names, separated by commas. */
export const parseNames =
  (example: string) =>
  (value: string): string[] => {
    const names = value.split(',').map((name) => name.trim())
    if (!names.includes('')) return names
    throw new InvalidArgumentError(`Use names separated by commas, such as ${example}.`)
  }

/** Parses a shard, such as `0/4`. Slurm and Kubernetes count from 0. */
export function parseShard(value: string): Shard {
  const [, index, count] = /^(\d{1,9})\/(\d{1,9})$/.exec(value)?.map(Number) ?? []
  if (index < count) return { index, count }
  throw new InvalidArgumentError('Use i/n with i from 0 to n - 1, such as 0/4, 1/4, 2/4 and 3/4.')
}
