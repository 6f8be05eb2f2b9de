import { encodeLabelPng, toLabelIds } from '@inverseform/cityscapes'
import type { Labels, PaintStyle } from '@inverseform/runtime-web'
import { isCityscapes } from './classes.js'
import { find, make } from './dom.js'
import { download } from './download.js'
import { clearProblem, showProblem } from './problem.js'
import { titleOf } from './segmentation.js'
import type { Result, Slots, Table } from './workbench.js'

const box = find('#save', HTMLElement)
const problem = find('#save-problem', HTMLElement)

export interface Pictures {
  /** Returns what the page shows. */
  readonly shown: () => HTMLCanvasElement
  /** Returns the style of overlays. */
  readonly style: () => PaintStyle
}

/** Offers files of what is shown: labels, overlay and outlines of each network, and the picture. */
export class Files {
  #table: Table | undefined
  #offered = ''

  readonly #pictures: Pictures

  constructor(pictures: Pictures) {
    this.#pictures = pictures
  }

  /** Buttons are replaced only where others are needed: those that are pressed during a video must stay. */
  offer(table: Table): void {
    this.#table = table
    const needed = JSON.stringify(table.results.map((result, slot) => result && this.#facts(result, slot)))
    if (needed === this.#offered) return
    this.#offered = needed
    const several = table.results.every(Boolean)
    const groups = table.results.flatMap((result, slot) => {
      if (!result) return []
      const group = make('fieldset', { className: 'buttons' }, ...this.#buttons(result, slot))
      if (several) group.prepend(make('legend', {}, titleOf(result.network, slot)))
      return [group]
    })
    const picture = button('Picture as shown', async () =>
      download(await pngOf(this.#pictures.shown()), `${this.#name()}_picture.png`),
    )
    box.replaceChildren(...groups, picture)
  }

  #facts({ network, picture }: Result, slot: number) {
    return [titleOf(network, slot), picture.numClasses]
  }

  #buttons({ picture: { numClasses } }: Result, slot: number): HTMLButtonElement[] {
    const save = (end: string, png: (result: Result) => Blob | Promise<Blob>) => async () => {
      const { results } = this.#table!
      const number = results.every(Boolean) ? `_${slot + 1}` : ''
      const name = `${this.#name()}${number}_${end}.png`
      download(await png((results as Slots<Result>)[slot]!), name)
    }
    const trainIds = save('labelTrainIds', (result) => labelPng(result, result.labels))
    const labelIds = save('labelIds', (result) => labelPng(result, toLabelIds(result.labels)))
    const overlay = save('overlay', (result) => paintedPng(result, this.#pictures.style()))
    const outlines = save('outlines', (result) => paintedPng(result, outlinesOnBlack(result)))
    return [
      button('Train ids', trainIds),
      ...(isCityscapes(numClasses) ? [button('Label ids', labelIds)] : []),
      button('Overlay', overlay),
      button('Outlines', outlines),
    ]
  }

  #name(): string {
    return (this.#table?.photo?.name ?? '').replace(/\.\w+$/, '')
  }
}

function labelPng({ picture: { width, height } }: Result, data: Labels): Blob {
  return new Blob([encodeLabelPng({ width, height, data }) as Uint8Array<ArrayBuffer>], { type: 'image/png' })
}

/** White lines on black, to be blended or measured elsewhere. */
const outlinesOnBlack = ({ picture }: Result): PaintStyle => ({
  opacity: 1,
  colors: new Uint8Array(3 * picture.numClasses),
})

async function paintedPng({ picture }: Result, style: PaintStyle): Promise<Blob> {
  const canvas = document.createElement('canvas')
  canvas.getContext('2d')
  await picture.paint(canvas, style)
  return pngOf(canvas)
}

function pngOf(canvas: HTMLCanvasElement): Promise<Blob> {
  return new Promise((resolve, reject) => {
    canvas.toBlob((png) => (png ? resolve(png) : reject(new Error('The picture could not be encoded.'))))
  })
}

function button(text: string, save: () => Promise<void>): HTMLButtonElement {
  const onclick = () => {
    clearProblem(problem)
    save().catch((error) => showProblem(problem, error))
  }
  return make('button', { type: 'button', onclick }, text)
}
