import { readFile } from 'node:fs/promises'
import { type Metrics, mergeMetrics, metricsFromJSON } from '@inverseform/cityscapes/node'
import { InverseFormError, isInverseFormError } from '@inverseform/errors'
import { firstFew } from './output/first-few.js'

const FORMAT = 'inverseform.metrics-state'

/** What was counted, and in what. */
export interface Counted {
  readonly metrics: Partial<Metrics>
  /** Of Cityscapes; undefined for other data sets. */
  readonly split?: string
  /** Names of the images. */
  readonly images: readonly string[]
}

/** What `--save-state` writes and `--merge` reads. */
export const stateJson = ({ split, images, metrics }: Counted): string =>
  `${JSON.stringify({ format: FORMAT, version: 1, split, images, metrics })}\n`

/** Adds up what {@link stateJson} wrote of parts of a data set. */
export async function mergeStates([first, ...others]: readonly string[]): Promise<Counted> {
  const { metrics, split, images } = await readState(first)
  const splits = new Set([split])
  const fileOf = new Map(images.map((name) => [name, first]))
  for (const file of others) {
    const state = await readState(file)
    expectNew(file, state.images, fileOf)
    try {
      mergeMetrics(metrics, state.metrics)
    } catch (cause) {
      if (!isInverseFormError(cause)) throw cause
      const { code, message, hint, details } = cause
      throw new InverseFormError(code, `${file} cannot be added to ${first}: ${message}`, {
        hint,
        details: { ...details, file },
        cause,
      })
    }
    splits.add(state.split)
    for (const name of state.images) fileOf.set(name, file)
  }
  return {
    metrics,
    split: split === undefined ? undefined : [...splits].join(' and '),
    images: [...fileOf.keys()],
  }
}

/** Refuses to count an image twice. */
function expectNew(file: string, images: readonly string[], fileOf: ReadonlyMap<string, string>): void {
  const twice = images.filter((name) => fileOf.has(name))
  if (twice.length === 0) return
  throw new InverseFormError(
    'invalid-argument',
    `${file} counts ${twice.length} of its ${images.length} images a second time, after ${fileOf.get(twice[0])}: ${firstFew(twice, 5)}.`,
    {
      hint: 'Merge every state once; where other images have the same names, count each part with --gt and --pred of the whole data set.',
      details: { file, images: twice },
    },
  )
}

async function readState(file: string): Promise<Counted> {
  try {
    return parseState(JSON.parse(await readFile(file, 'utf8')))
  } catch (cause) {
    const { message, code } = cause as NodeJS.ErrnoException
    throw new InverseFormError(
      code === 'ENOENT' ? 'not-found' : 'unreadable',
      code === 'ENOENT' ? `There is no file ${file}.` : `${file}: ${message}`,
      { hint: 'Merge what --save-state wrote.', details: { file }, cause },
    )
  }
}

function parseState(json: unknown): Counted {
  const { format, version, split, images, metrics } = (json ?? {}) as Record<string, unknown>
  const isWhole =
    format === FORMAT &&
    version === 1 &&
    (split === undefined || typeof split === 'string') &&
    Array.isArray(images) &&
    images.every((name) => typeof name === 'string')
  if (!isWhole) throw new Error(`This is no ${FORMAT} of version 1.`)
  return { metrics: metricsFromJSON(metrics), split, images }
}
