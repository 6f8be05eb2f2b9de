import { isInverseFormError } from '@inverseform/runtime-web'
import { make } from './dom.js'

/** Shows an error and its hint in a box next to the control that it belongs to. */
export function showProblem(box: HTMLElement, error: unknown): void {
  const message = error instanceof Error ? error.message : String(error)
  box.replaceChildren(make('strong', {}, message))
  if (isInverseFormError(error)) {
    box.append(' ', error.hint ?? '')
  } else {
    // A bug rather than a mistake of the user: the console shows its stack.
    console.error(error)
  }
  box.hidden = false
}

export function clearProblem(box: HTMLElement): void {
  box.hidden = true
  box.replaceChildren()
}
