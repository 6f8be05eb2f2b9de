import type { LoadProgress } from '@inverseform/runtime-web'
import { demoCheckpoint } from './demo.js'
import { find, make } from './dom.js'
import { megabytes } from './format.js'
import { clearProblem, showProblem } from './problem.js'
import type { Network, Origin } from './segmentation.js'

export interface SlotEvents {
  readonly onLoad: (origin: Origin) => void
  readonly onCancel: () => void
  /** The first slot is always there. */
  readonly onRemove?: () => void
}

/** The controls of one checkpoint: where it comes from, how far loading is, what it is. */
export class SlotPanel {
  readonly element: HTMLElement
  private readonly problem: HTMLElement
  private readonly loading: HTMLElement

  constructor(number: number, { onLoad, onCancel, onRemove }: SlotEvents) {
    const template = find('#slot', HTMLTemplateElement)
    this.element = find('.slot', HTMLElement, template.content.cloneNode(true) as DocumentFragment)
    this.problem = this.part('.problem')
    this.loading = this.part('.loading')
    this.part('legend').textContent = `Checkpoint ${number}`
    this.part('.demo').onclick = () => onLoad(demoCheckpoint)
    this.part('.cancel').onclick = onCancel
    const remove = this.part('.remove')
    if (onRemove) remove.onclick = onRemove
    else remove.remove()
    this.takeFiles(onLoad)
    this.takeUrls(number, onLoad)
  }

  showLoading(progress: LoadProgress | undefined): void {
    this.loading.hidden = false
    const bar = find('progress', HTMLProgressElement, this.loading)
    const { value, text } = describe(progress)
    if (value === undefined) bar.removeAttribute('value')
    else bar.value = value
    this.part('.stage-name').textContent = text
  }

  endLoading(): void {
    this.loading.hidden = true
  }

  showNetwork(network: Network | undefined): void {
    this.part('.name').textContent = network?.origin.name ?? 'Nothing loaded'
    this.part('.facts').textContent = network ? facts(network) : ''
    const ladder = network?.segmenter.ladder ?? []
    this.part('details').hidden = ladder.length === 0
    this.part('.ladder').replaceChildren(
      ...ladder.map(({ device, outcome, reason }) =>
        make('li', {}, make('strong', {}, `${deviceNames[device]}, ${outcome}: `), reason),
      ),
    )
  }

  showProblem(error: unknown): void {
    showProblem(this.problem, error)
  }

  clearProblem(): void {
    clearProblem(this.problem)
  }

  private part(selector: string): HTMLElement {
    return find(selector, HTMLElement, this.element)
  }

  private takeFiles(onLoad: SlotEvents['onLoad']): void {
    const input = find('.file', HTMLInputElement, this.element)
    input.addEventListener('change', () => {
      const file = input.files?.[0]
      // The same file can be chosen again.
      input.value = ''
      if (file) onLoad({ name: file.name, source: file })
    })
  }

  private takeUrls(number: number, onLoad: SlotEvents['onLoad']): void {
    const form = find('form', HTMLFormElement, this.element)
    const input = find('input', HTMLInputElement, form)
    input.id = `url-${number}`
    find('label', HTMLLabelElement, form).htmlFor = input.id
    form.addEventListener('submit', (event) => {
      event.preventDefault()
      const url = new URL(input.value)
      onLoad({ name: decodeURIComponent(url.pathname.split('/').at(-1) || url.host), source: url.href })
    })
  }
}

export const deviceNames = { webgpu: 'WebGPU', wasm: 'WebAssembly' } as const

function facts({ segmenter }: Network): string {
  const { model, classes, edge, device, precision, loadTimings, weights } = segmenter
  return [
    model,
    `${classes} classes`,
    edge ? 'edge head' : 'no edge head',
    `${deviceNames[device]}, ${precision}`,
    `${megabytes(weights.bytes)}${weights.from === 'cache' ? ' from the cache' : ''}`,
    `ready in ${((loadTimings.open + loadTimings.session) / 1000).toFixed(1)}\u00a0s`,
  ].join(' · ')
}

function describe(progress: LoadProgress | undefined): { value?: number; text: string } {
  if (progress?.stage === 'download') {
    const { loaded, total } = progress
    const of = total ? ` of ${megabytes(total)}` : ''
    return { value: total && loaded / total, text: `Downloading: ${megabytes(loaded)}${of}` }
  }
  if (progress?.stage === 'cache') return { text: 'Reading from the cache' }
  if (progress?.stage === 'compile') return { text: `Getting ready on ${deviceNames[progress.device]}` }
  return { text: 'Opening' }
}
