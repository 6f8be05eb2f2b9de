import type { Labels, Picture } from '@inverseform/runtime-web'
import type { Photo } from './photo.js'
import type { Network } from './segmentation.js'

export type Slots<T> = readonly [T | undefined, T | undefined]

export interface Result {
  readonly network: Network
  readonly picture: Picture
  readonly labels: Labels
}

/** What is on the table: one photo, and what each network made of it. */
export interface Table {
  readonly photo?: Photo
  readonly networks: Slots<Network>
  readonly results: Slots<Result>
}

type Wanted = Pick<Table, 'photo' | 'networks'>

export interface WorkbenchEvents {
  /** Resolves once nothing shows the previous table any more. */
  readonly show: (table: Table) => Promise<void>
  readonly busy: (busy: boolean) => void
}

const empty: Table = { networks: [undefined, undefined], results: [undefined, undefined] }

/**
 * Holds the photo and the networks. A change is shown only when all of it is there, so that one that fails leaves what
 * was shown; one that is overtaken by another is given up.
 */
export class Workbench {
  /** What is shown. */
  table: Table = empty
  private wanted: Wanted = empty
  private running = new AbortController()
  private readonly held = { photos: new Set<Photo>(), networks: new Set<Network>() }

  constructor(private readonly events: WorkbenchEvents) {}

  /** What will be shown when the change under way is done. */
  get networks(): Slots<Network> {
    return this.wanted.networks
  }

  /**
   * @returns whether this change is shown, and not one that came after it
   * @throws what segmenting throws; the table is as it was
   */
  async change(change: Partial<Wanted>): Promise<boolean> {
    this.running.abort()
    const { signal } = (this.running = new AbortController())
    const wanted = (this.wanted = { ...this.wanted, ...change })
    this.hold(wanted)
    this.events.busy(true)
    const made: Result[] = []
    try {
      const results = await this.resultsOf(wanted, signal, made)
      const previous = this.table.results
      this.table = { ...wanted, results }
      await this.events.show(this.table)
      for (const result of previous)
        if (result && !this.table.results.includes(result)) result.picture.dispose()
      return !signal.aborted
    } catch (error) {
      for (const { picture } of made) picture.dispose()
      if (signal.aborted) return false
      this.wanted = this.table
      throw error
    } finally {
      if (!signal.aborted) this.events.busy(false)
      this.release()
    }
  }

  /** One network after the other, so that each has the machine, and its times, for itself. */
  private async resultsOf(
    { photo, networks }: Wanted,
    signal: AbortSignal,
    made: Result[],
  ): Promise<Slots<Result>> {
    const results: [Result?, Result?] = [undefined, undefined]
    for (const [slot, network] of networks.entries()) {
      if (!photo || !network) continue
      const kept = this.table.results.find((result) => result?.network === network)
      if (kept && this.table.photo === photo) {
        results[slot] = kept
        continue
      }
      const picture = await network.segment(photo.bitmap, signal)
      const result = { network, picture, labels: await picture.labels() }
      made.push(result)
      results[slot] = result
    }
    signal.throwIfAborted()
    return [results[0], results[1]]
  }

  private hold({ photo, networks }: Wanted): void {
    if (photo) this.held.photos.add(photo)
    for (const network of networks) if (network) this.held.networks.add(network)
  }

  /** Frees what is neither shown nor wanted. */
  private release(): void {
    const used = [this.table, this.wanted]
    for (const photo of this.held.photos) {
      if (used.some((one) => one.photo === photo)) continue
      this.held.photos.delete(photo)
      photo.bitmap.close()
    }
    for (const network of this.held.networks) {
      if (used.some(({ networks }) => networks.includes(network))) continue
      this.held.networks.delete(network)
      void network.dispose()
    }
  }
}
