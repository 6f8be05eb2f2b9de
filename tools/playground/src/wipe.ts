import { find } from './dom.js'

const input = find('#wipe', HTMLInputElement)
const stage = find('#stage', HTMLElement)

/** Returns the position of the wipe, from 0 (only B) to 1 (only A). */
export const wipe = (): number => input.valueAsNumber / 100

/** Moves the divider with the slider. */
export function followWipe(): void {
  const follow = () => {
    stage.style.setProperty('--wipe', `${input.value}%`)
    input.ariaValueText = `A ${input.value} %, B ${100 - input.valueAsNumber} %`
  }
  input.addEventListener('input', follow)
  follow()
}
