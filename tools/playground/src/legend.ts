import { classColours, className } from './classes.js'
import { find, make } from './dom.js'
import { percent } from './format.js'
import { agreement, classShares } from './shares.js'
import type { Result } from './workbench.js'

const list = find('#legend', HTMLUListElement)
const note = find('#legend-note', HTMLElement)

/** The classes found, the largest first; pointing at one or reaching it by keyboard highlights it, pressing it keeps it so. */
export class Legend {
  private readonly buttons = new Map<number, HTMLButtonElement>()
  private shown: readonly number[] = []
  private pinned: number | undefined
  private highlighted: number | undefined

  constructor(private readonly onHighlight: (index: number | undefined) => void) {}

  /**
   * @param live whether others follow soon: classes then do not change places under the pointer or the focus
   * @returns the classes in words, the largest ones with their shares
   */
  show(all: readonly Result[], live: boolean): string {
    const { classes } = all[0].picture
    const results = all.filter(({ picture }) => picture.classes === classes)
    const shares = results.map(classShares)
    const largest = Array.from({ length: classes }, (_, index) => Math.max(...shares.map((of) => of[index])))
    const found = [...largest.keys()].filter((index) => largest[index] > 0)
    const bySize = found.toSorted((a, b) => largest[b] - largest[a])
    const still = live && list.matches(':hover, :focus-within')
    this.place(still ? [...new Set([...this.shown.filter((index) => largest[index] > 0), ...found])] : bySize)
    for (const index of found)
      this.button(index).replaceChildren(
        ...content(
          index,
          classes,
          shares.map((of) => of[index]),
        ),
      )
    const count = `${found.length} ${found.length === 1 ? 'class' : 'classes'}`
    note.textContent = `${count} found.${agreementOf(results)}`
    const first = bySize
      .slice(0, 3)
      .map((index) => `${className(index, classes)} ${percent(shares[0][index])}`)
    return `${count}: ${first.join(', ')}`
  }

  private place(order: readonly number[]): void {
    if (order.join() !== this.shown.join()) {
      const focused = document.activeElement
      list.replaceChildren(...order.map((index) => make('li', {}, this.button(index))))
      if (focused instanceof HTMLElement && list.contains(focused)) focused.focus()
      this.shown = order
    }
    const gone = (index: number | undefined) => index !== undefined && !order.includes(index)
    if (gone(this.pinned)) this.pin(undefined)
    // What is taken from under the pointer does not say that the pointer left it.
    else if (gone(this.highlighted)) this.highlight(this.pinned)
  }

  private button(index: number): HTMLButtonElement {
    const had = this.buttons.get(index)
    if (had) return had
    const button = make('button', { type: 'button', ariaPressed: 'false' })
    for (const event of ['pointerenter', 'focus']) button.addEventListener(event, () => this.highlight(index))
    for (const event of ['pointerleave', 'blur'])
      button.addEventListener(event, () => this.highlight(this.pinned))
    button.addEventListener('click', () => this.pin(this.pinned === index ? undefined : index))
    this.buttons.set(index, button)
    return button
  }

  private pin(index: number | undefined): void {
    this.pinned = index
    for (const [own, button] of this.buttons) button.ariaPressed = String(own === index)
    this.highlight(index)
  }

  private highlight(index: number | undefined): void {
    this.highlighted = index
    this.onHighlight(index)
  }
}

/** @param shares one for each network */
function content(index: number, classes: number, shares: readonly number[]): Node[] {
  const colour = `rgb(${classColours(classes)
    .subarray(3 * index, 3 * index + 3)
    .join(' ')})`
  const swatch = make('span', { className: 'swatch' })
  const bar = make('span', { className: 'bar' })
  swatch.style.background = colour
  bar.style.setProperty('--share', String(Math.max(...shares)))
  return [
    swatch,
    make('span', { className: 'class' }, className(index, classes)),
    ...shares.map((share) => make('span', { className: 'share' }, percent(share))),
    bar,
  ]
}

function agreementOf([one, other]: readonly Result[]): string {
  return other
    ? ` Shares of checkpoints 1 and 2, which agree on ${percent(agreement(one, other))} of the pixels.`
    : ''
}
