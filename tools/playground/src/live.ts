import { openCamera } from './camera.js'
import { find } from './dom.js'
import type { FrameSource } from './frames.js'
import { fitted, type Photo } from './photo.js'
import { clearProblem, showProblem } from './problem.js'
import { openVideo } from './video-file.js'

const cameraButton = find('#camera', HTMLButtonElement)
const bar = find('#live', HTMLElement)
const videoButton = find('#video', HTMLButtonElement)
const facts = find('#live-facts', HTMLElement)
const problem = find('#image-problem', HTMLElement)

/** Number of frames that the rate is measured over. */
const RATE_FRAMES = 8

export interface LiveEvents {
  /** Shows a frame. The next frame is captured when it resolves. */
  readonly onFrame: (photo: Photo, rate: number | undefined) => Promise<unknown>
  readonly onStart: (name: string) => void
  readonly onStop: (name: string) => void
  readonly maxSide: () => number
}

/** Runs the camera or a video file, one at a time, and passes its frames on one after the other. */
export class Live {
  #source: FrameSource | undefined
  #running: Promise<void> | undefined
  /** Aborted to stop what runs, or what is still being opened. */
  #ending = new AbortController()
  /** The video file that was played last. */
  #file: File | undefined

  readonly #events: LiveEvents

  constructor(events: LiveEvents) {
    this.#events = events
    cameraButton.addEventListener('click', () => {
      if (this.#source && !this.#file) this.#source.stop()
      else void this.#start(openCamera)
    })
    videoButton.addEventListener('click', () => {
      if (this.#source) this.#source.stop()
      else if (this.#file) void this.play(this.#file)
    })
  }

  play(file: File): Promise<void> {
    return this.#start(() => openVideo(file), file)
  }

  /** Stops what runs, and forgets the video. */
  stop(): void {
    this.#file = undefined
    this.#ending.abort()
    this.#source?.stop()
    this.#show()
  }

  async #start(open: () => Promise<FrameSource>, file?: File): Promise<void> {
    this.stop()
    // Of several that wait here, the first one runs.
    await this.#running
    if (this.#running) return
    this.#file = file
    this.#running = this.#run(open)
    await this.#running
  }

  async #run(open: () => Promise<FrameSource>): Promise<void> {
    clearProblem(problem)
    const { signal } = (this.#ending = new AbortController())
    try {
      const source = await open()
      if (signal.aborted) {
        source.stop()
        return
      }
      this.#source = source
      this.#show()
      this.#events.onStart(source.name)
      await this.#follow(source)
    } catch (error) {
      if (!signal.aborted) showProblem(problem, error)
    } finally {
      const source = this.#source
      source?.stop()
      this.#source = undefined
      this.#running = undefined
      if (source) this.#events.onStop(source.name)
      else this.#file = undefined
      this.#show()
    }
  }

  async #follow(source: FrameSource): Promise<void> {
    const shown: number[] = []
    for await (const frame of source.frames()) {
      const started = performance.now()
      const bitmap = await fitted(frame, this.#events.maxSide())
      const photo = { name: source.name, bitmap, decode: performance.now() - started }
      const span = shown.at(-1)! - shown[0]
      const rate = span > 0 ? (1000 * (shown.length - 1)) / span : undefined
      await this.#events.onFrame(photo, rate)
      facts.textContent = [source.position(), rate && `${rate.toFixed(1)} images per second`]
        .filter(Boolean)
        .join(' · ')
      shown.push(performance.now())
      if (shown.length > RATE_FRAMES) shown.shift()
    }
  }

  #show(): void {
    const isCamera = this.#source !== undefined && this.#file === undefined
    cameraButton.ariaPressed = String(isCamera)
    cameraButton.textContent = isCamera ? 'Stop camera' : 'Camera'
    bar.hidden = !this.#source && !this.#file
    videoButton.hidden = this.#file === undefined
    videoButton.textContent = this.#source ? 'Stop video' : 'Play again'
    if (bar.hidden) facts.textContent = ''
  }
}
