import { InverseFormError } from '@inverseform/runtime-web'

/** A running camera. */
export interface Camera {
  /** Yields frames on demand, and skips frames in between. Ends when the camera ends. */
  frames(): AsyncGenerator<ImageBitmap>
  stop(): void
}

/** Opens the camera. @throws InverseFormError `runtime-unavailable` if it is missing, in use or not allowed */
export async function openCamera(): Promise<Camera> {
  const stream = await openStream()
  const video = Object.assign(document.createElement('video'), {
    srcObject: stream,
    muted: true,
    playsInline: true,
  })
  const ended = new AbortController()
  const stop = () => {
    ended.abort()
    for (const track of stream.getTracks()) track.stop()
    video.pause()
  }
  // The camera may be unplugged, or the user may leave the page.
  for (const track of stream.getVideoTracks()) track.addEventListener('ended', stop)
  addEventListener('pagehide', stop, { signal: ended.signal })
  await video.play()
  return {
    stop,
    async *frames() {
      while (await nextFrame(video, ended.signal)) yield await createImageBitmap(video)
    },
  }
}

/** Waits for the next frame. @returns false if the camera has ended */
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

async function openStream(): Promise<MediaStream> {
  if (!navigator.mediaDevices) {
    throw unavailable('The camera needs a secure page.', 'Open this page over https, or on localhost.')
  }
  try {
    return await navigator.mediaDevices.getUserMedia({
      video: { width: { ideal: 960 }, facingMode: { ideal: 'environment' } },
    })
  } catch (cause) {
    const [message, hint] = problems[(cause as DOMException).name] ?? [
      `The camera could not be opened: ${(cause as Error).message}`,
      'Close other programs that may be using it, then try again.',
    ]
    throw unavailable(message, hint, cause)
  }
}

const problems: Readonly<Record<string, readonly [message: string, hint: string]>> = {
  NotAllowedError: [
    'This page may not use the camera.',
    'Allow it in the browser’s settings for this page, then try again.',
  ],
  NotFoundError: ['This device has no camera.', 'Connect one, or open an image.'],
  NotReadableError: ['The camera is in use.', 'Close the other program that uses it, then try again.'],
}

function unavailable(message: string, hint: string, cause?: unknown): InverseFormError {
  return new InverseFormError('runtime-unavailable', message, { hint, cause })
}
