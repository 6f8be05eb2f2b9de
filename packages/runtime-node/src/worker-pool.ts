import { disposedError, type RequestOptions, type Segmentation } from '@inverseform/runtime'
import { SummedProgress } from './summed-progress.js'
import type { SegmenterTask } from './tasks/segmenter.js'

type Request = SegmenterTask['request']

/** What segments images on one device: a worker with a session of its own. */
export interface PoolMember {
  /** @throws `disposed`, or why it ended. */
  requireRunning(): void
  run(request: Request, options?: RequestOptions): Promise<Segmentation[]>
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
  async run(request: Request, options?: RequestOptions): Promise<Segmentation[]> {
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
    { images, options }: Request,
    { signal, onProgress }: RequestOptions = {},
  ): Promise<Segmentation[]> {
    const parts = dealOut(images, this.members.length)
    const progress = new SummedProgress(parts.map((part) => part.length))
    const failed = new AbortController()
    const either = signal ? AbortSignal.any([signal, failed.signal]) : failed.signal
    const results = new Array<Segmentation>(images.length)
    // All lanes take from one iterator.
    const queue = parts.entries()
    const lane = async () => {
      for (const [p, part] of queue) {
        const request = { images: part.map((i) => images[i]), options }
        const found = await this.runOnNext(request, {
          signal: either,
          onProgress: (reported) => onProgress?.(progress.add(p, reported)),
        })
        for (const [k, i] of part.entries()) results[i] = found[k]
      }
    }
    try {
      await Promise.all(this.members.map(lane))
    } catch (error) {
      failed.abort(error)
      throw error
    }
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

/** As many as a member runs together. */
const MOST_TOGETHER = 8

/** Indices of images of one size each, in parts of nearly one length, so that none of the members waits long for another. */
function dealOut(images: Request['images'], members: number): number[][] {
  const bySize = new Map<string, number[]>()
  for (const [i, { width, height }] of images.entries()) {
    const size = `${width}x${height}`
    bySize.set(size, [...(bySize.get(size) ?? []), i])
  }
  return [...bySize.values()].flatMap((indices) => {
    const count = members * Math.ceil(indices.length / (members * MOST_TOGETHER))
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
  const failed = new AbortController()
  const either = signal ? AbortSignal.any([signal, failed.signal]) : failed.signal
  const starting = starts.map((start) => start(either))
  try {
    return await Promise.all(starting)
  } catch (error) {
    failed.abort(error)
    const settled = await Promise.allSettled(starting)
    await Promise.all(settled.map((result) => result.status === 'fulfilled' && dispose(result.value)))
    throw error
  }
}
