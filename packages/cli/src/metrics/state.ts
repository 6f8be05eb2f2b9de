import { type Metrics, mergeMetrics, metricsFromJSON, metricsToJSON } from '@inverseform/cityscapes/node'
import { InverseFormError, type InverseFormErrorCode, isInverseFormError } from '@inverseform/errors'
import { listFew, visibleJson } from '@inverseform/shared'
import { readRegularFile } from '@inverseform/shared/node'

const FORMAT = 'inverseform.metrics-state'

/** Metrics and the images that they count. */
export interface Counted {
  readonly metrics: Partial<Metrics>
  /** The split of Cityscapes; undefined for other data sets. */
  readonly split?: string
  /** The names of the images. */
  readonly images: readonly string[]
  /** Whether the number of images is not stored: states of earlier versions do not have it. */
  readonly isUncounted?: boolean
}

/** Returns the JSON that `--save-state` writes and `--merge` reads. */
export const stateJson = ({ split, images, metrics, isUncounted }: Counted): string => {
  const numImages = isUncounted ? undefined : images.length
  return `${visibleJson({ format: FORMAT, version: 1, split, numImages, images, metrics: metricsToJSON(metrics) })}\n`
}

/**
 * Reads and adds up the states of parts of a data set.
 * @throws InverseFormError `not-found` or `unreadable` for a file that is not a state; `invalid-argument` for states that
 *   count an image twice or have different metrics
 */
export async function mergeStates([first, ...others]: readonly string[]): Promise<Counted> {
  const { metrics, split, images, isUncounted } = await readState(first)
  const uncounted = [isUncounted]
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
    uncounted.push(state.isUncounted)
    for (const name of state.images) fileOf.set(name, file)
  }
  return {
    metrics,
    split: split === undefined ? undefined : [...splits].join(' and '),
    images: [...fileOf.keys()],
    isUncounted: uncounted.includes(true),
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

/** More than the states of any data set have: 10,000 images with all metrics take about 40 MB. */
const MAX_BYTES = 2 ** 29 - 24

async function readState(file: string): Promise<Counted> {
  try {
    const bytes = await readRegularFile(file, { maxBytes: MAX_BYTES })
    return parseState(JSON.parse(new TextDecoder().decode(bytes)))
  } catch (cause) {
    const known = isInverseFormError(cause)
    const [code, message]: [InverseFormErrorCode, string] = known
      ? [cause.code, cause.message.includes(file) ? cause.message : `${file}: ${cause.message}`]
      : ['unreadable', `${file}: ${(cause as Error).message}`]
    throw new InverseFormError(code, message, {
      hint: 'Pass files that --save-state wrote.',
      details: { file },
      cause,
    })
  }
}

function parseState(json: unknown): Counted {
  const { format, version, split, numImages, images, metrics } = (json ?? {}) as Record<string, unknown>
  const valid =
    format === FORMAT &&
    version === 1 &&
    (split === undefined || typeof split === 'string') &&
    (numImages === undefined || typeof numImages === 'number') &&
    Array.isArray(images) &&
    images.every((name) => typeof name === 'string')
  if (!valid) throw new Error(`This is not a file of the format ${FORMAT}, version 1.`)
  checkImages(images, numImages, metrics)
  return { metrics: metricsFromJSON(metrics), split, images, isUncounted: numImages === undefined }
}

/** Throws unless the images are those that the metrics count: only their names tell that an image is counted twice. */
function checkImages(images: readonly string[], numImages: number | undefined, metrics: unknown): void {
  const names = new Set(images)
  if (names.size < images.length) {
    const once = new Set(names)
    const twice = images.filter((name) => !once.delete(name))
    throw new Error(`It lists images more than once: ${listFew([...new Set(twice)])}.`)
  }
  if (images.length === 0) throw new Error('It lists no images.')
  const differs = (what: string, count: unknown) =>
    new Error(`It lists ${images.length} images, but ${what} ${count}.`)
  if (numImages !== undefined && numImages !== images.length) throw differs('its number is', numImages)
  for (const [name, metric] of Object.entries((metrics ?? {}) as Record<string, { images?: unknown }>)) {
    const counted = metric?.images
    if (typeof counted === 'number' && counted !== images.length) throw differs(`"${name}" counts`, counted)
    if (!Array.isArray(counted)) continue
    if (counted.length !== images.length) throw differs(`"${name}" counts`, counted.length)
    const other = counted.find((image) => !names.has(image?.name))
    if (other !== undefined) {
      throw new Error(`"${name}" counts the image ${JSON.stringify(other?.name)}, which it does not list.`)
    }
  }
}
