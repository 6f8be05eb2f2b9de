import { type Camera, openCamera } from './camera.js'
import { find } from './dom.js'
import { fitted, type Photo } from './photo.js'
import { clearProblem, showProblem } from './problem.js'

const button = find('#camera', HTMLButtonElement)
const problem = find('#image-problem', HTMLElement)

/** Of the last frames, so many make the rate. */
const RATE_FRAMES = 8

export interface LiveEvents {
  /** Resolves when the frame is shown; the next one is taken then. */
  readonly onFrame: (photo: Photo, rate: number | undefined) => Promise<unknown>
  readonly onStart: () => void
  readonly onStop: () => void
  readonly maxSide: () => number
}

/** Makes the camera's button start and stop it, and hands its frames on one after the other. */
export class LiveCamera {
  private camera: Camera | undefined
  private opening = false

  constructor(private readonly events: LiveEvents) {
    button.addEventListener('click', () => (this.camera ? this.stop() : this.run()))
  }

  stop(): void {
    this.camera?.stop()
  }

  private async run(): Promise<void> {
    if (this.opening) return
    clearProblem(problem)
    this.opening = true
    try {
      this.camera = await openCamera()
      this.opening = false
      this.show(true)
      this.events.onStart()
      await this.follow(this.camera)
    } catch (error) {
      showProblem(problem, error)
    } finally {
      this.opening = false
      this.camera?.stop()
      if (this.camera) this.events.onStop()
      this.camera = undefined
      this.show(false)
    }
  }

  private async follow(camera: Camera): Promise<void> {
    const shown: number[] = []
    for await (const frame of camera.frames()) {
      const started = performance.now()
      const bitmap = await fitted(frame, this.events.maxSide())
      const photo = { name: 'Camera', bitmap, decode: performance.now() - started }
      const span = shown.at(-1)! - shown[0]
      await this.events.onFrame(photo, span > 0 ? (1000 * (shown.length - 1)) / span : undefined)
      shown.push(performance.now())
      if (shown.length > RATE_FRAMES) shown.shift()
    }
  }

  private show(on: boolean): void {
    button.ariaPressed = String(on)
    button.textContent = on ? 'Stop camera' : 'Camera'
  }
}
