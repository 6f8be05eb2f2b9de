import { find, make } from './dom.js'
import { milliseconds } from './format.js'
import { titleOf } from './segmentation.js'
import type { Result, Table } from './workbench.js'

const table = find('#times', HTMLTableElement)

/** Shows the milliseconds of each stage, one column per network, and images per second while a camera or a video runs. */
export function showTimes({ photo, results }: Table, paint: number, rate?: number): void {
  const found = results.filter((result): result is Result => result !== undefined)
  if (!photo || found.length === 0) return
  const stages: [string, (result: Result) => number][] = [
    ['Decode', () => photo.decode],
    ['Preprocess', ({ picture }) => picture.timings.preprocess],
    ['Network', ({ picture }) => picture.timings.network],
    ['Postprocess', ({ picture }) => picture.timings.postprocess],
    ['Paint', () => paint],
  ]
  const rows = stages.map(([name, time]) =>
    row(
      name,
      found.map((result) => `${milliseconds(time(result))} ms`),
    ),
  )
  if (rate !== undefined) rows.push(row('Images per second', [rate.toFixed(1)]))
  const titles = found.length > 1 ? found.map(({ network }, slot) => titleOf(network, slot)) : ['Time']
  const heads = ['Stage', ...titles]
  table.tHead!.replaceChildren(make('tr', {}, ...heads.map((head) => make('th', { scope: 'col' }, head))))
  table.tBodies[0].replaceChildren(...rows)
}

function row(name: string, values: readonly string[]): HTMLTableRowElement {
  const head = make('th', { scope: 'row' }, name)
  return make('tr', {}, head, ...values.map((value) => make('td', {}, value)))
}
