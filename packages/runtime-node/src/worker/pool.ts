import {
  disposedError,
  indicesBySize,
  MAX_BATCH,
  type RequestOptions,
  type RequestProgress,
  type Segmentation,
} from '@inverseform/runtime'
import { abortTogether, sum, untilAborted } from '@inverseform/shared'
import type { SegmenterTask } from './tasks/segmenter.js'

type Request = SegmenterTask['request']

/** Segments images on one device: a worker with its own session. */
export interface PoolMember {
  /** @throws `disposed`, or why the worker ended */
  checkRunning(): void
  /** @param request may be a promise; the request counts as under way from now on */
  run(request: Request | Promise<Request>, options?: RequestOptions): Promise<Segmentation[]>
  dispose(): Promise<void>
}

/** Distributes images among several members. */
export class WorkerPool implements PoolMember {
  /** Number of images under way in each member. Who ended work last is last. */
  readonly #busy: Map<PoolMember, number>
  readonly #members: readonly PoolMember[]
  readonly #running = new Set<Promise<unknown>>()
  #disposing: Promise<void> | undefined

  constructor(members: readonly PoolMember[]) {
    this.#members = members
    this.#busy = new Map(members.map((member) => [member, 0]))
  }

  checkRunning(): void {
    if (this.#disposing) throw disposedError('segmenter')
    for (const member of this.#members) member.checkRunning()
  }

  /**
   * Distributes the images: each part goes to the member with the least work when its turn comes. Results are in the order
   * of the images. The first error is thrown and aborts the rest.
   */
  async run(request: Request | Promise<Request>, options?: RequestOptions): Promise<Segmentation[]> {
    this.checkRunning()
    const run = this.#runParts(request, options)
    this.#running.add(run)
    try {
      return await run
    } finally {
      this.#running.delete(run)
    }
  }

  /** Lets the work under way finish, including parts that no member has started. */
  dispose(): Promise<void> {
    this.#disposing ??= Promise.allSettled(this.#running).then(async () => {
      await Promise.all(this.#members.map((member) => member.dispose()))
    })
    return this.#disposing
  }

  async #runParts(
    request: Request | Promise<Request>,
    { signal, onProgress }: RequestOptions = {},
  ): Promise<Segmentation[]> {
    const { images, options } = request instanceof Promise ? await untilAborted(request, signal) : request
    const parts = splitImages(images, this.#members.length)
    const progress = new SummedProgress(parts.map((part) => part.length))
    const results = new Array<Segmentation>(images.length)
    // All lanes share one iterator.
    const queue = parts.entries()
    const lane = async (either: AbortSignal) => {
      for (const [p, part] of queue) {
        const request = { images: part.map((i) => images[i]), options }
        const found = await this.#runOnNext(request, {
          signal: either,
          onProgress: (reported) => onProgress?.(progress.add(p, reported)),
        })
        for (const [k, i] of part.entries()) results[i] = found[k]
      }
    }
    await abortTogether(signal, (either) => Promise.all(this.#members.map(() => lane(either))))
    return results
  }

  async #runOnNext(request: Request, options: RequestOptions): Promise<Segmentation[]> {
    // Of members with equal work, the first one ends it soonest: it has begun it longest ago.
    const [member] = [...this.#busy].reduce((least, next) => (next[1] < least[1] ? next : least))
    const underWay = () => this.#busy.get(member) as number
    this.#busy.set(member, underWay() + request.images.length)
    try {
      return await member.run(request, options)
    } finally {
      const left = underWay() - request.images.length
      this.#busy.delete(member)
      this.#busy.set(member, left)
    }
  }
}

/** Splits images into parts of one image size and nearly equal length, so that members finish at about the same time. */
function splitImages(images: Request['images'], members: number): number[][] {
  return indicesBySize(images).flatMap((indices) => {
    const count = members * Math.ceil(indices.length / (members * MAX_BATCH))
    const bound = (part: number) => Math.round((part * indices.length) / count)
    const parts = Array.from({ length: count }, (_, part) => indices.slice(bound(part), bound(part + 1)))
    return parts.filter((part) => part.length > 0)
  })
}

/**
 * Starts members at once, each with a signal that is aborted as soon as another one fails.
 * @throws the first error, after the others are disposed of
 */
export async function startAll<T>(
  starts: readonly ((signal: AbortSignal) => Promise<T>)[],
  dispose: (started: T) => Promise<void>,
  signal?: AbortSignal,
): Promise<T[]> {
  let starting: readonly Promise<T>[] = []
  try {
    return await abortTogether(signal, (either) => {
      starting = starts.map((start) => start(either))
      return Promise.all(starting)
    })
  } catch (error) {
    const settled = await Promise.allSettled(starting)
    await Promise.all(settled.map((result) => result.status === 'fulfilled' && dispose(result.value)))
    throw error
  }
}

/** Sums the progress of work that is done in parts. */
class SummedProgress {
  readonly #reported = new Map<number, RequestProgress>()
  readonly #sizes: readonly number[]

  /** @param sizes of the parts, such as their numbers of images */
  constructor(sizes: readonly number[]) {
    this.#sizes = sizes
  }

  /**
   * Adds the progress of a part and returns the sum. A part reports its total with its first progress; until then its
   * total is estimated from the others, by its size.
   */
  add(part: number, progress: RequestProgress): RequestProgress {
    this.#reported.set(part, progress)
    let [done, total, sizeReported] = [0, 0, 0]
    for (const [reporting, { done: partDone, total: partTotal }] of this.#reported) {
      done += partDone
      total += partTotal
      sizeReported += this.#sizes[reporting]
    }
    return { done, total: Math.round((total * sum(this.#sizes)) / sizeReported) }
  }
}
