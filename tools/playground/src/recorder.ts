import { InverseFormError } from '@inverseform/runtime-web'
import { find } from './dom.js'
import { download } from './download.js'
import { clearProblem, showProblem } from './problem.js'

const button = find('#record', HTMLButtonElement)
const problem = find('#image-problem', HTMLElement)

/** Kinds of files, the one that most programs play first. */
const types = ['video/mp4;codecs=avc1.640033', 'video/webm;codecs=vp9', 'video/webm;codecs=vp8', 'video/webm']

interface Recording {
  readonly recorder: MediaRecorder
  readonly canvas: HTMLCanvasElement
  readonly track: CanvasCaptureMediaStreamTrack
}

/** Records what is shown of a camera or a video, with its button, and downloads the file. */
export class Recorder {
  #wanted = false
  #recording: Recording | undefined
  /** What the files are named after. */
  name = ''

  constructor() {
    button.addEventListener('click', () => {
      clearProblem(problem)
      if (this.#wanted) this.stop()
      else this.#mark(true)
    })
  }

  /** Adds a picture, if the user wants to record. All pictures get the size of the first one. */
  add(picture: () => HTMLCanvasElement): void {
    if (!this.#wanted) return
    try {
      const shown = picture()
      this.#recording ??= start(shown, `${this.name.replace(/\.\w+$/, '')}_overlay`)
      const { canvas, track } = this.#recording
      canvas.getContext('2d')!.drawImage(shown, 0, 0, canvas.width, canvas.height)
      track.requestFrame()
    } catch (error) {
      this.#mark(false)
      showProblem(problem, error)
    }
  }

  /** Ends the recording, if any, and downloads it. */
  stop(): void {
    this.#recording?.recorder.stop()
    this.#recording = undefined
    this.#mark(false)
  }

  #mark(wanted: boolean): void {
    this.#wanted = wanted
    button.ariaPressed = String(wanted)
    button.textContent = wanted ? 'Stop and save' : 'Record'
  }
}

function start({ width, height }: HTMLCanvasElement, name: string): Recording {
  const mimeType =
    'MediaRecorder' in globalThis ? types.find((type) => MediaRecorder.isTypeSupported(type)) : undefined
  if (!mimeType) {
    throw new InverseFormError('runtime-unavailable', 'This browser cannot record videos.', {
      hint: 'Use a current Chrome, Edge, Firefox or Safari.',
    })
  }
  // H.264 needs even sizes.
  const even = (side: number) => Math.max(2, side - (side % 2))
  const canvas = Object.assign(document.createElement('canvas'), { width: even(width), height: even(height) })
  canvas.getContext('2d')
  // No frames but the requested ones.
  const stream = canvas.captureStream(0)
  const recorder = new MediaRecorder(stream, { mimeType, videoBitsPerSecond: 8_000_000 })
  const chunks: Blob[] = []
  recorder.addEventListener('dataavailable', ({ data }) => chunks.push(data))
  recorder.addEventListener('stop', () => {
    const type = mimeType.split(';')[0]
    download(new Blob(chunks, { type }), `${name}.${type.split('/')[1]}`)
  })
  recorder.start()
  return { recorder, canvas, track: stream.getVideoTracks()[0] as CanvasCaptureMediaStreamTrack }
}
