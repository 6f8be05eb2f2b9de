import { find } from './dom.js'

/** A slider in percent that shows its value next to its name. */
export class PercentSlider {
  readonly #input: HTMLInputElement

  constructor(id: string, onInput: () => void) {
    this.#input = find(`#${id}`, HTMLInputElement)
    const value = find(`#${id}-value`, HTMLElement)
    const show = () => {
      value.textContent = `${this.#input.value} %`
      this.#input.ariaValueText = value.textContent
    }
    this.#input.addEventListener('input', () => {
      show()
      onInput()
    })
    show()
  }

  /** The value, from 0 to 1. */
  get share(): number {
    return this.#input.valueAsNumber / 100
  }

  set enabled(enabled: boolean) {
    this.#input.disabled = !enabled
  }
}
