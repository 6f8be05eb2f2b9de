import { find } from './dom.js'

const stage = find('#stage', HTMLElement)
const notice = find('#busy', HTMLElement)

type Work = 'Loading the checkpoint…' | 'Segmenting…'
const underWay = new Set<Work>()

/** Shows on the picture which work is under way. */
export function setBusy(work: Work, running: boolean): void {
  if (running) underWay.add(work)
  else underWay.delete(work)
  notice.textContent = [...underWay].at(-1) ?? ''
  notice.hidden = underWay.size === 0
  stage.ariaBusy = String(underWay.size > 0)
}
