import { InverseFormError } from '@inverseform/runtime-web'
import { type FrameSource, framesOf, makeVideo } from './frames.js'

/** Opens the camera. @throws InverseFormError `runtime-unavailable` if it is missing, in use or not allowed */
export async function openCamera(): Promise<FrameSource> {
  const stream = await openStream()
  const video = makeVideo({ srcObject: stream })
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
    name: 'Camera',
    stop,
    frames: () => framesOf(video, ended.signal),
    position: () => undefined,
  }
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
