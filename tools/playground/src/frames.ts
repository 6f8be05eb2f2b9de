/** A running camera or a playing video. */
export interface FrameSource {
  readonly name: string
  /** Yields frames on demand, and skips frames in between. Ends when the source ends. */
  frames(): AsyncGenerator<ImageBitmap>
  stop(): void
  /** How far it has played, as text; undefined for a camera. */
  position(): string | undefined
}

/** Creates an element that plays without sound, and is not on the page. */
export const makeVideo = (properties: Partial<HTMLVideoElement>): HTMLVideoElement =>
  Object.assign(document.createElement('video'), { muted: true, playsInline: true }, properties)

/** Yields the frame that a video shows, whenever there is a new one, until `ended` is aborted. */
export async function* framesOf(video: HTMLVideoElement, ended: AbortSignal): AsyncGenerator<ImageBitmap> {
  while (await nextFrame(video, ended)) yield await createImageBitmap(video)
}

/** Waits for the next frame. @returns false if the video has ended */
function nextFrame(video: HTMLVideoElement, ended: AbortSignal): Promise<boolean> {
  if (ended.aborted) return Promise.resolve(false)
  return new Promise((resolve) => {
    const end = () => resolve(false)
    ended.addEventListener('abort', end)
    video.requestVideoFrameCallback(() => {
      ended.removeEventListener('abort', end)
      resolve(true)
    })
  })
}
