import { readFile } from 'node:fs/promises'
import { type Metrics, mergeMetrics, metricsFromJSON } from '@inverseform/cityscapes/node'
import { InverseFormError, isInverseFormError } from '@inverseform/errors'
import { listFew } from '@inverseform/shared'

const FORMAT = 'inverseform.metrics-state'

/** Metrics and the images that they count. */
export interface Counted {
  readonly metrics: Partial<Metrics>
  /** The split of Cityscapes; undefined for other data sets. */
  readonly split?: string
  /** The names of the images. */
  readonly images: readonly string[]
}

/** Returns the JSON that `--save-state` writes and `--merge` reads. */
export const stateJson = ({ split, images, metrics }: Counted): string =>
  `${JSON.stringify({ format: FORMAT, version: 1, split, images, metrics })}\n`

/**
 * Reads and adds up the states of parts of a data set.
 * @throws InverseFormError `not-found` or `unreadable` for a file that is not a state; `invalid-argument` for states that
 *   count an image twice or have different metrics
 */
export async function mergeStates([first, ...others]: readonly string[]): Promise<Counted> {
  const { metrics, split, images } = await readState(first)
  const splits = new Set([split])
  const fileOf = new Map(images.map((name) => [name, first]))
  for (const file of others) {
    const state = await readState(file)
    checkNew(file, state.images, fileOf)
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

/** Throws if an image is already counted. */
function checkNew(file: string, images: readonly string[], fileOf: ReadonlyMap<string, string>): void {
  const duplicates = images.filter((name) => fileOf.has(name))
  if (duplicates.length === 0) return
  throw new InverseFormError(
    'invalid-argument',
    `${file} counts ${duplicates.length} of its ${images.length} images a second time, after ${fileOf.get(duplicates[0])}: ${listFew(duplicates)}.`,
    {
      hint: 'Merge each state once. If different images have the same name, score each part with --gt and --pred of the whole data set.',
      details: { file, images: duplicates },
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
      code === 'ENOENT' ? `The file ${file} does not exist.` : `${file}: ${message}`,
      { hint: 'Pass files that --save-state wrote.', details: { file }, cause },
    )
  }
}

function parseState(json: unknown): Counted {
  const { format, version, split, images, metrics } = (json ?? {}) as Record<string, unknown>
  const valid =
    format === FORMAT &&
    version === 1 &&
    (split === undefined || typeof split === 'string') &&
    Array.isArray(images) &&
    images.every((name) => typeof name === 'string')
  if (!valid) throw new Error(`This is not a file of the format ${FORMAT}, version 1.`)
  return { metrics: metricsFromJSON(metrics), split, images }
}
