import { InverseFormError } from '@inverseform/runtime-web'
import { type FrameSource, framesOf, makeVideo } from './frames.js'

/** Plays a video file once, at its own speed. @throws InverseFormError `unreadable` if the browser cannot play it */
export async function openVideo(file: File): Promise<FrameSource> {
  const src = URL.createObjectURL(file)
  const video = makeVideo({ src })
  const ended = new AbortController()
  const stop = () => {
    if (ended.signal.aborted) return
    ended.abort()
    video.pause()
    URL.revokeObjectURL(src)
  }
  video.addEventListener('ended', stop)
  addEventListener('pagehide', stop, { signal: ended.signal })
  try {
    await video.play()
    if (video.videoWidth === 0) throw new Error('it has no pictures')
  } catch (cause) {
    stop()
    throw new InverseFormError('unreadable', `${file.name} cannot be played by this browser.`, {
      hint: 'Convert it to MP4 with H.264, or to WebM.',
      cause,
    })
  }
  return {
    name: file.name,
    stop,
    frames: () => framesOf(video, ended.signal),
    // Recorded files may not say how long they are.
    position: () =>
      Number.isFinite(video.duration)
        ? `${clock(video.currentTime)} of ${clock(video.duration)}`
        : clock(video.currentTime),
  }
}

function clock(seconds: number): string {
  const whole = Math.floor(seconds)
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, '0')}`
}
