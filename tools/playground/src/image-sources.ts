import { demoImages, fetchDemo } from './demo.js'
import { find, make } from './dom.js'

/** An image that was chosen. It is fetched on demand. */
export interface ImageChoice {
  readonly name: string
  readonly file: () => Promise<Blob>
}

const input = find('#image-file', HTMLInputElement)
const demos = find('#demos', HTMLElement)
const buttons = new Map<string, HTMLButtonElement>()

export const fileChoice = (file: File): ImageChoice => ({ name: file.name, file: async () => file })

const demoChoice = (demo: (typeof demoImages)[number]): ImageChoice => ({
  name: demo.name,
  file: () => fetchDemo(demo),
})

export const firstDemo = demoChoice(demoImages[0])

export const isVideo = (file: File): boolean => file.type.startsWith('video/')

/** Lets the user choose a file with the button, or a demo image. */
export function offerImages(onChoice: (choice: ImageChoice) => void, onFile: (file: File) => void): void {
  input.addEventListener('change', () => {
    const file = input.files?.[0]
    // Lets the same file be chosen again.
    input.value = ''
    if (file) onFile(file)
  })
  for (const [i, demo] of demoImages.entries()) {
    const picture = make('img', { src: demo.url, alt: `Demo image ${i + 1}`, width: 96, height: 48 })
    const button = make('button', { type: 'button', onclick: () => onChoice(demoChoice(demo)) }, picture)
    buttons.set(demo.name, button)
    demos.append(button)
  }
}

/** Marks the button of the demo image that is shown, if any. */
export function markDemo(name: string | undefined): void {
  for (const [shown, button] of buttons) button.ariaPressed = String(shown === name)
}
