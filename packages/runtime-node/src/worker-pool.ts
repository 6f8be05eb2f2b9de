import {
  disposedError,
  indicesBySize,
  MAX_BATCH,
  type RequestOptions,
  type Segmentation,
} from '@inverseform/runtime'
import { abortedTogether, untilAborted } from './abort.js'
import { SummedProgress } from './summed-progress.js'
import type { SegmenterTask } from './tasks/segmenter.js'

type Request = SegmenterTask['request']

/** What segments images on one device: a worker with a session of its own. */
export interface PoolMember {
  /** @throws `disposed`, or why it ended. */
  requireRunning(): void
  /** @param request may still be being made: it is under way from now on */
  run(request: Request | Promise<Request>, options?: RequestOptions): Promise<Segmentation[]>
  dispose(): Promise<void>
}

/** Several members that share the work. */
export class WorkerPool implements PoolMember {
  /** Images under way. */
  private readonly busy: Map<PoolMember, number>
  private readonly running = new Set<Promise<unknown>>()
  private disposing: Promise<void> | undefined

  constructor(private readonly members: readonly PoolMember[]) {
    this.busy = new Map(members.map((member) => [member, 0]))
  }

  requireRunning(): void {
    if (this.disposing) throw disposedError('segmenter')
    for (const member of this.members) member.requireRunning()
  }

  /**
   * Deals the images out, each part to the member with the least work when its turn comes. Results are in the order of the
   * images. The first error is thrown and aborts the rest.
   */
  async run(request: Request | Promise<Request>, options?: RequestOptions): Promise<Segmentation[]> {
    this.requireRunning()
    const run = this.runParts(request, options)
    this.running.add(run)
    try {
      return await run
    } finally {
      this.running.delete(run)
    }
  }

  /** Lets the work under way finish, parts that no member has yet included. */
  dispose(): Promise<void> {
    this.disposing ??= Promise.allSettled(this.running).then(async () => {
      await Promise.all(this.members.map((member) => member.dispose()))
    })
    return this.disposing
  }

  private async runParts(
    request: Request | Promise<Request>,
    { signal, onProgress }: RequestOptions = {},
  ): Promise<Segmentation[]> {
    const { images, options } = request instanceof Promise ? await untilAborted(request, signal) : request
    const parts = dealOut(images, this.members.length)
    const progress = new SummedProgress(parts.map((part) => part.length))
    const results = new Array<Segmentation>(images.length)
    // All lanes take from one iterator.
    const queue = parts.entries()
    const lane = async (either: AbortSignal) => {
      for (const [p, part] of queue) {
        const request = { images: part.map((i) => images[i]), options }
        const found = await this.runOnNext(request, {
          signal: either,
          onProgress: (reported) => onProgress?.(progress.add(p, reported)),
        })
        for (const [k, i] of part.entries()) results[i] = found[k]
      }
    }
    await abortedTogether(signal, (either) => Promise.all(this.members.map(() => lane(either))))
    return results
  }

  private async runOnNext(request: Request, options: RequestOptions): Promise<Segmentation[]> {
    const [member] = [...this.busy].reduce((least, next) => (next[1] < least[1] ? next : least))
    const addWork = (images: number) => this.busy.set(member, (this.busy.get(member) as number) + images)
    addWork(request.images.length)
    try {
      return await member.run(request, options)
    } finally {
      addWork(-request.images.length)
    }
  }
}

/** Indices of images of one size each, in parts of nearly one length, so that none of the members waits long for another. */
function dealOut(images: Request['images'], members: number): number[][] {
  return indicesBySize(images).flatMap((indices) => {
    const count = members * Math.ceil(indices.length / (members * MAX_BATCH))
    const bound = (part: number) => Math.round((part * indices.length) / count)
    const parts = Array.from({ length: count }, (_, part) => indices.slice(bound(part), bound(part + 1)))
    return parts.filter((part) => part.length > 0)
  })
}

/**
 * Starts members at once, each with a signal that is aborted as soon as another fails.
 * @throws the first failure, once the others are disposed of
 */
export async function startAll<T>(
  starts: readonly ((signal: AbortSignal) => Promise<T>)[],
  dispose: (started: T) => Promise<void>,
  signal?: AbortSignal,
): Promise<T[]> {
  let starting: readonly Promise<T>[] = []
  try {
    return await abortedTogether(signal, (either) => {
      starting = starts.map((start) => start(either))
      return Promise.all(starting)
    })
  } catch (error) {
    const settled = await Promise.allSettled(starting)
    await Promise.all(settled.map((result) => result.status === 'fulfilled' && dispose(result.value)))
    throw error
  }
}
