import type { Labels, Picture } from '@inverseform/runtime-web'
import type { Photo } from './photo.js'
import type { Network } from './segmentation.js'

export type Slots<T> = readonly [T | undefined, T | undefined]

export interface Result {
  readonly network: Network
  readonly picture: Picture
  readonly labels: Labels
}

/** What the page shows: one photo and the result of each network. */
export interface Table {
  readonly photo?: Photo
  readonly networks: Slots<Network>
  readonly results: Slots<Result>
}

type Wanted = Pick<Table, 'photo' | 'networks'>

export interface WorkbenchEvents {
  /** Shows a table. Resolves when the previous one is no longer shown. */
  readonly show: (table: Table) => Promise<void>
  readonly busy: (busy: boolean) => void
}

const empty: Table = { networks: [undefined, undefined], results: [undefined, undefined] }

/**
 * Holds the photo and the networks. A change is shown only when it is complete: a change that fails leaves the page as it
 * was, and a newer change aborts an older one.
 */
export class Workbench {
  /** The table that is shown. */
  table: Table = empty
  #wanted: Wanted = empty
  #running = new AbortController()
  readonly #held = { photos: new Set<Photo>(), networks: new Set<Network>() }

  readonly #events: WorkbenchEvents

  constructor(events: WorkbenchEvents) {
    this.#events = events
  }

  /** The networks that will be shown after the change under way. */
  get networks(): Slots<Network> {
    return this.#wanted.networks
  }

  /**
   * Changes the photo or the networks, and segments again where needed.
   *
   * @returns whether this change is shown; false if a newer change replaced it
   * @throws errors of segmenting, after which the table is unchanged
   */
  async change(change: Partial<Wanted>): Promise<boolean> {
    this.#running.abort()
    const { signal } = (this.#running = new AbortController())
    const wanted = (this.#wanted = { ...this.#wanted, ...change })
    this.#hold(wanted)
    this.#events.busy(true)
    const made: Result[] = []
    try {
      const results = await this.#resultsOf(wanted, signal, made)
      const previous = this.table.results
      this.table = { ...wanted, results }
      await this.#events.show(this.table)
      for (const result of previous) {
        if (result && !this.table.results.includes(result)) result.picture.dispose()
      }
      return !signal.aborted
    } catch (error) {
      for (const { picture } of made) picture.dispose()
      if (signal.aborted) return false
      this.#wanted = this.table
      throw error
    } finally {
      if (!signal.aborted) this.#events.busy(false)
      this.#release()
    }
  }

  /** Runs the networks one after the other, so that they do not distort each other's times. */
  async #resultsOf({ photo, networks }: Wanted, signal: AbortSignal, made: Result[]): Promise<Slots<Result>> {
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

  #hold({ photo, networks }: Wanted): void {
    if (photo) this.#held.photos.add(photo)
    for (const network of networks) if (network) this.#held.networks.add(network)
  }

  /** Frees photos and networks that are neither shown nor wanted. */
  #release(): void {
    const used = [this.table, this.#wanted]
    for (const photo of this.#held.photos) {
      if (used.some((one) => one.photo === photo)) continue
      this.#held.photos.delete(photo)
      photo.bitmap.close()
    }
    for (const network of this.#held.networks) {
      if (used.some(({ networks }) => networks.includes(network))) continue
      this.#held.networks.delete(network)
      void network.dispose()
    }
  }
}
