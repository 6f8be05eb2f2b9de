import { type Camera, openCamera } from './camera.js'
import { find } from './dom.js'
import { fitted, type Photo } from './photo.js'
import { clearProblem, showProblem } from './problem.js'

const button = find('#camera', HTMLButtonElement)
const problem = find('#image-problem', HTMLElement)

/** Number of frames that the rate is measured over. */
const RATE_FRAMES = 8

export interface LiveEvents {
  /** Shows a frame. The next frame is captured when it resolves. */
  readonly onFrame: (photo: Photo, rate: number | undefined) => Promise<unknown>
  readonly onStart: () => void
  readonly onStop: () => void
  readonly maxSide: () => number
}

/** Starts and stops the camera with its button, and passes its frames on one after the other. */
export class LiveCamera {
  #camera: Camera | undefined
  #opening = false

  readonly #events: LiveEvents

  constructor(events: LiveEvents) {
    this.#events = events
    button.addEventListener('click', () => (this.#camera ? this.stop() : this.#run()))
  }

  stop(): void {
    this.#camera?.stop()
  }

  async #run(): Promise<void> {
    if (this.#opening) return
    clearProblem(problem)
    this.#opening = true
    try {
      this.#camera = await openCamera()
      this.#opening = false
      this.#show(true)
      this.#events.onStart()
      await this.#follow(this.#camera)
    } catch (error) {
      showProblem(problem, error)
    } finally {
      this.#opening = false
      this.#camera?.stop()
      if (this.#camera) this.#events.onStop()
      this.#camera = undefined
      this.#show(false)
    }
  }

  async #follow(camera: Camera): Promise<void> {
    const shown: number[] = []
    for await (const frame of camera.frames()) {
      const started = performance.now()
      const bitmap = await fitted(frame, this.#events.maxSide())
      const photo = { name: 'Camera', bitmap, decode: performance.now() - started }
      const span = shown.at(-1)! - shown[0]
      await this.#events.onFrame(photo, span > 0 ? (1000 * (shown.length - 1)) / span : undefined)
      shown.push(performance.now())
      if (shown.length > RATE_FRAMES) shown.shift()
    }
  }

  #show(on: boolean): void {
    button.ariaPressed = String(on)
    button.textContent = on ? 'Stop camera' : 'Camera'
  }
}
