import { find, make } from './dom.js'
import { type Network, titleOf } from './segmentation.js'
import type { Slots } from './workbench.js'

/** What a side shows: the image, or the result of the network in a slot. */
export type View = 'image' | { readonly slot: 0 | 1; readonly edges: boolean }

const selects = [find('#view-a', HTMLSelectElement), find('#view-b', HTMLSelectElement)]
const tags = [find('#tag-a', HTMLElement), find('#tag-b', HTMLElement)]

const names: Readonly<Record<string, View>> = {
  image: 'image',
  'classes-1': { slot: 0, edges: false },
  'edges-1': { slot: 0, edges: true },
  'classes-2': { slot: 1, edges: false },
  'edges-2': { slot: 1, edges: true },
}

/** The user's choice for the left and the right side, which the networks may not be able to show yet. */
let chosen = ['image', 'classes-1']
let several = false

export const views = (): View[] => selects.map(({ value }) => names[value])

/** Returns whether a side shows the boundaries of an edge head. */
export const showsEdges = (): boolean => views().some((view) => view !== 'image' && view.edges)

export function onViewChange(listener: () => void): void {
  for (const select of selects) {
    select.addEventListener('change', () => {
      chosen = selects.map(({ value }) => value)
      showTags()
      listener()
    })
  }
}

/** Offers the views that the networks can show. A chosen view that is missing is replaced by a similar one. */
export function offerViews(networks: Slots<Network>): void {
  // A second checkpoint is loaded to compare both, so show them side by side.
  if (!several && networks.every(Boolean)) chosen = ['classes-1', 'classes-2']
  else if (several && !networks.every(Boolean) && !chosen.includes('image')) chosen = ['image', 'classes-1']
  several = networks.every(Boolean)
  const options = optionsOf(networks)
  const values = options.map(([value]) => value)
  for (const [side, select] of selects.entries()) {
    select.replaceChildren(...options.map(([value, text]) => make('option', { value }, text)))
    const wished = chosen[side]
    const ranking = [wished, wished.replace('edges', 'classes'), wished.replace('2', '1'), 'classes-1']
    select.value = ranking.find((value) => values.includes(value)) ?? 'image'
  }
  showTags()
}

function optionsOf(networks: Slots<Network>): [value: string, text: string][] {
  const options: [string, string][] = [['image', 'Image']]
  for (const [slot, network] of networks.entries()) {
    if (!network) continue
    const name = several ? titleOf(network, slot) : 'Segmentation'
    options.push([`classes-${slot + 1}`, name])
    if (network.segmenter.edgeHead) options.push([`edges-${slot + 1}`, `${name} + edges`])
  }
  return options
}

function showTags(): void {
  for (const [side, tag] of tags.entries()) {
    tag.textContent = `${'AB'[side]}: ${selects[side].selectedOptions[0].text}`
  }
}
