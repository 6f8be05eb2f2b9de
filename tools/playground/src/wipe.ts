import { find } from './dom.js'

const input = find('#wipe', HTMLInputElement)
const stage = find('#stage', HTMLElement)

/** Where the wipe is, 0 (all B) to 1 (all A). */
export const wipe = (): number => input.valueAsNumber / 100

/** Keeps the divider where the slider is. */
export function followWipe(): void {
  const follow = () => {
    stage.style.setProperty('--wipe', `${input.value}%`)
    input.ariaValueText = `A ${input.value} %, B ${100 - input.valueAsNumber} %`
  }
  input.addEventListener('input', follow)
  follow()
}
