import { make } from './dom.js'

/** Saves a file in the user's folder for downloads. */
export function download(file: Blob, name: string): void {
  const href = URL.createObjectURL(file)
  make('a', { href, download: name }).click()
  // The download has started when the task of the click ends.
  setTimeout(() => URL.revokeObjectURL(href))
}
