import { isInverseFormError } from '@inverseform/runtime-web'
import { make } from './dom.js'

/** Says in the page, next to the control it belongs to, what went wrong and what to do. */
export function showProblem(box: HTMLElement, error: unknown): void {
  const message = error instanceof Error ? error.message : String(error)
  box.replaceChildren(make('strong', {}, message))
  if (isInverseFormError(error)) box.append(' ', error.hint ?? '')
  // Not a mistake of the user's: the stack is of use to whoever looks for it.
  else console.error(error)
  box.hidden = false
}

export function clearProblem(box: HTMLElement): void {
  box.hidden = true
  box.replaceChildren()
}
