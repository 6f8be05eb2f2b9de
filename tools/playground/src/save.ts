import { encodeLabelPng, toLabelIds } from '@inverseform/cityscapes'
import type { Labels } from '@inverseform/runtime-web'
import { isCityscapes } from './classes.js'
import { find, make } from './dom.js'
import type { Result, Table } from './workbench.js'

const box = find('#save', HTMLElement)

/** Offers the labels of each network as PNG files of ids, and the picture as shown. */
export function offerFiles({ photo, results }: Table, snapshot: () => HTMLCanvasElement): void {
  const name = (photo?.name ?? '').replace(/\.\w+$/, '')
  const several = results.every(Boolean)
  const groups = results.flatMap((result, slot) => {
    if (!result) return []
    const number = several ? `_${slot + 1}` : ''
    const group = make('fieldset', { className: 'buttons' }, ...idButtons(result, `${name}${number}`))
    if (several) group.prepend(make('legend', {}, `Checkpoint ${slot + 1}`))
    return [group]
  })
  const picture = button('Picture as shown', () =>
    snapshot().toBlob((png) => png && download(png, `${name}_picture.png`)),
  )
  box.replaceChildren(...groups, picture)
}

function idButtons(result: Result, name: string): HTMLButtonElement[] {
  const trainIds = () => download(labelPng(result, result.labels), `${name}_labelTrainIds.png`)
  const labelIds = () => download(labelPng(result, toLabelIds(result.labels)), `${name}_labelIds.png`)
  const buttons = [button('Train ids', trainIds)]
  if (isCityscapes(result.picture.numClasses)) buttons.push(button('Label ids', labelIds))
  return buttons
}

function labelPng({ picture: { width, height } }: Result, data: Labels): Blob {
  return new Blob([encodeLabelPng({ width, height, data }) as Uint8Array<ArrayBuffer>], { type: 'image/png' })
}

function button(text: string, onclick: () => void): HTMLButtonElement {
  return make('button', { type: 'button', onclick }, text)
}

function download(file: Blob, name: string): void {
  const href = URL.createObjectURL(file)
  make('a', { href, download: name }).click()
  // The download has started when the task of the click ends.
  setTimeout(() => URL.revokeObjectURL(href))
}
