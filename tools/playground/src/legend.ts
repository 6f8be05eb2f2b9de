import { classColors } from '@inverseform/runtime-web'
import { className } from './classes.js'
import { find, make } from './dom.js'
import { percent } from './format.js'
import { titleOf } from './segmentation.js'
import { agreement, classShares } from './shares.js'
import type { Result } from './workbench.js'

const list = find('#legend', HTMLUListElement)
const note = find('#legend-note', HTMLElement)

/** Lists the classes found, the largest first. Hovering or focusing a class highlights it; pressing it pins it. */
export class Legend {
  readonly #buttons = new Map<number, HTMLButtonElement>()
  #shown: readonly number[] = []
  #pinned: number | undefined
  #highlighted: number | undefined

  readonly #onHighlight: (index: number | undefined) => void

  constructor(onHighlight: (index: number | undefined) => void) {
    this.#onHighlight = onHighlight
  }

  /**
   * Shows the classes of the results.
   *
   * @param live whether more results follow soon; then classes do not move while the pointer or the focus is on the list
   * @returns the number of classes, and the largest ones with their shares, as text
   */
  show(all: readonly Result[], live: boolean): string {
    const { numClasses } = all[0].picture
    const results = all.filter(({ picture }) => picture.numClasses === numClasses)
    const shares = results.map(classShares)
    const largest = Array.from({ length: numClasses }, (_, index) =>
      Math.max(...shares.map((of) => of[index])),
    )
    const found = [...largest.keys()].filter((index) => largest[index] > 0)
    const bySize = found.toSorted((a, b) => largest[b] - largest[a])
    const still = live && list.matches(':hover, :focus-within')
    this.#place(
      still ? [...new Set([...this.#shown.filter((index) => largest[index] > 0), ...found])] : bySize,
    )
    for (const index of found) {
      this.#button(index).replaceChildren(
        ...content(
          index,
          numClasses,
          shares.map((of) => of[index]),
        ),
      )
    }
    const count = `${found.length} ${found.length === 1 ? 'class' : 'classes'}`
    note.textContent = `${count} found.${agreementOf(results)}`
    const first = bySize
      .slice(0, 3)
      .map((index) => `${className(index, numClasses)} ${percent(shares[0][index])}`)
    return `${count}: ${first.join(', ')}`
  }

  #place(order: readonly number[]): void {
    if (order.join() !== this.#shown.join()) {
      const focused = document.activeElement
      list.replaceChildren(...order.map((index) => make('li', {}, this.#button(index))))
      if (focused instanceof HTMLElement && list.contains(focused)) focused.focus()
      this.#shown = order
    }
    const gone = (index: number | undefined) => index !== undefined && !order.includes(index)
    if (gone(this.#pinned)) {
      this.#pin(undefined)
    } else if (gone(this.#highlighted)) {
      // A removed element gets no `pointerleave`.
      this.#highlight(this.#pinned)
    }
  }

  #button(index: number): HTMLButtonElement {
    const existing = this.#buttons.get(index)
    if (existing) return existing
    const button = make('button', { type: 'button', ariaPressed: 'false' })
    for (const event of ['pointerenter', 'focus']) {
      button.addEventListener(event, () => this.#highlight(index))
    }
    for (const event of ['pointerleave', 'blur']) {
      button.addEventListener(event, () => this.#highlight(this.#pinned))
    }
    button.addEventListener('click', () => this.#pin(this.#pinned === index ? undefined : index))
    this.#buttons.set(index, button)
    return button
  }

  #pin(index: number | undefined): void {
    this.#pinned = index
    for (const [own, button] of this.#buttons) button.ariaPressed = String(own === index)
    this.#highlight(index)
  }

  #highlight(index: number | undefined): void {
    this.#highlighted = index
    this.#onHighlight(index)
  }
}

/** @param shares one for each network */
function content(index: number, numClasses: number, shares: readonly number[]): Node[] {
  const color = `rgb(${classColors(numClasses)
    .subarray(3 * index, 3 * index + 3)
    .join(' ')})`
  const swatch = make('span', { className: 'swatch' })
  const bar = make('span', { className: 'bar' })
  swatch.style.background = color
  bar.style.setProperty('--share', String(Math.max(...shares)))
  return [
    swatch,
    make('span', { className: 'class' }, className(index, numClasses)),
    ...shares.map((share) => make('span', { className: 'share' }, percent(share))),
    bar,
  ]
}

function agreementOf([one, other]: readonly Result[]): string {
  if (!other) return ''
  const titles = `${titleOf(one.network, 0)} (left) and ${titleOf(other.network, 1)} (right)`
  return ` ${titles} agree on ${percent(agreement(one, other))} of the pixels.`
}
