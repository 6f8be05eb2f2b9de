import { type Job, UnrecoverableError } from 'bullmq'
import { jobIdOf } from './keys.js'

/** A process that throws ends its worker. An image on which this many workers end is given up. */
export const MOST_ATTEMPTS = 5

/**
 * Workers come and go, so an image may lose several of them. One that has lost more than this many has probably ended them itself, and
 * is given up.
 */
export const MOST_LOST = 5

/** What the failure of a job says that lost too many workers: BullMQ's text. */
export const LOST = 'job stalled more than allowable limit'

/** How the reason starts for which a worker refuses a job. */
export const ALTERED = 'The job is not as it was added'

/** Returns the image of a job. @throws UnrecoverableError for a job that the run did not add */
export function imageOf({ id, data }: Job, images: ReadonlySet<string>): string {
  const image: unknown = (data as { readonly image?: unknown } | null)?.image
  if (typeof image !== 'string') throw new UnrecoverableError(`${ALTERED}: it names no image.`)
  if (!images.has(image)) throw new UnrecoverableError(`${ALTERED}: the run has no such image.`)
  if (jobIdOf(image) !== id) throw new UnrecoverableError(`${ALTERED}: it is of another image.`)
  return image
}
