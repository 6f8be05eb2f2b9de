import type { Device, LoadProgress } from '@inverseform/runtime-web'
import { bundled } from './bundled.js'
import { find, make } from './dom.js'
import { megabytes } from './format.js'
import { clearProblem, showProblem } from './problem.js'
import type { Network, NetworkSource } from './segmentation.js'

export interface SlotEvents {
  readonly onLoad: (source: NetworkSource) => void
  readonly onCancel: () => void
  /** Missing for the first slot, which cannot be removed. */
  readonly onRemove?: () => void
}

/** The controls of one checkpoint: its source, the progress of loading, and facts about it. */
export class SlotPanel {
  readonly element: HTMLElement
  readonly #problem: HTMLElement
  readonly #loading: HTMLElement
  readonly #model: HTMLSelectElement
  #shown: NetworkSource | undefined

  constructor(number: number, { onLoad, onCancel, onRemove }: SlotEvents) {
    const template = find('#slot', HTMLTemplateElement)
    this.element = find('.slot', HTMLElement, template.content.cloneNode(true) as DocumentFragment)
    this.#problem = this.#part('.problem')
    this.#loading = this.#part('.loading')
    this.#part('legend').textContent = `Checkpoint ${number}`
    this.#model = find('.model-choice', HTMLSelectElement, this.element)
    this.#offerModels(onLoad)
    this.#part('.cancel').onclick = () => {
      onCancel()
      this.#markModel()
    }
    const remove = this.#part('.remove')
    if (onRemove) remove.onclick = onRemove
    else remove.remove()
    this.#listenToFile(onLoad)
    this.#listenToUrl(number, onLoad)
  }

  showLoading(progress: LoadProgress<Device> | undefined): void {
    this.#loading.hidden = false
    const bar = find('progress', HTMLProgressElement, this.#loading)
    const { value, text } = describe(progress)
    if (value === undefined) bar.removeAttribute('value')
    else bar.value = value
    this.#part('.stage-name').textContent = text
  }

  endLoading(): void {
    this.#loading.hidden = true
  }

  showNetwork(network: Network | undefined): void {
    this.#shown = network?.source
    this.#markModel()
    this.#part('.name').textContent = network?.source.name ?? 'Nothing loaded'
    this.#part('.facts').textContent = network ? facts(network) : ''
    const attempts = network?.segmenter.attempts ?? []
    this.#part('details').hidden = attempts.length === 0
    this.#part('.attempts').replaceChildren(
      ...attempts.map(({ device, outcome, reason }) =>
        make('li', {}, make('strong', {}, `${deviceNames[device]}, ${outcome}: `), reason),
      ),
    )
  }

  showProblem(error: unknown): void {
    showProblem(this.#problem, error)
    this.#markModel()
  }

  clearProblem(): void {
    clearProblem(this.#problem)
  }

  #part(selector: string): HTMLElement {
    return find(selector, HTMLElement, this.element)
  }

  #offerModels(onLoad: SlotEvents['onLoad']): void {
    const own = make('option', { value: OWN, hidden: true })
    const none = make('option', { value: NONE, hidden: true }, 'Choose a model')
    const options = bundled.map(({ name, title }) => make('option', { value: name }, `${title} (bundled)`))
    this.#model.replaceChildren(none, ...options, own)
    this.#model.addEventListener('change', () => {
      const source = bundled.find(({ name }) => name === this.#model.value)
      if (source) onLoad(source)
    })
  }

  /** Chooses the model that is shown, which the user's last choice may not have become. */
  #markModel(): void {
    const source = this.#shown
    const own = this.#model.options[this.#model.options.length - 1]
    own.hidden = source === undefined || bundled.includes(source)
    own.textContent = own.hidden ? '' : `Own: ${source?.name}`
    this.#model.value = source === undefined ? NONE : own.hidden ? source.name : OWN
  }

  #listenToFile(onLoad: SlotEvents['onLoad']): void {
    const input = find('.file', HTMLInputElement, this.element)
    input.addEventListener('change', () => {
      const file = input.files?.[0]
      // Lets the same file be chosen again.
      input.value = ''
      if (file) onLoad({ name: file.name, checkpoint: file })
    })
  }

  #listenToUrl(number: number, onLoad: SlotEvents['onLoad']): void {
    const form = find('form', HTMLFormElement, this.element)
    const input = find('input', HTMLInputElement, form)
    input.id = `url-${number}`
    find('label', HTMLLabelElement, form).htmlFor = input.id
    form.addEventListener('submit', (event) => {
      event.preventDefault()
      const url = new URL(input.value)
      onLoad({ name: decodeURIComponent(url.pathname.split('/').at(-1) || url.host), checkpoint: url.href })
    })
  }
}

/** Values of the choice of a model that are not names of bundled ones. */
const OWN = 'own'
const NONE = ''

export const deviceNames = { webgpu: 'WebGPU', wasm: 'WebAssembly' } as const

function facts({ segmenter }: Network): string {
  const { model, numClasses, edgeHead, device, precision, loadTimings, origin } = segmenter
  return [
    model,
    `${numClasses} classes`,
    edgeHead ? 'edge head' : 'no edge head',
    `${deviceNames[device]}, ${precision}`,
    `${megabytes(origin.bytes)}${origin.from === 'cache' ? ' from the cache' : ''}`,
    `ready in ${((loadTimings.open + loadTimings.session) / 1000).toFixed(1)}\u00a0s`,
  ].join(' · ')
}

function describe(progress: LoadProgress<Device> | undefined): { value?: number; text: string } {
  if (progress?.stage === 'download') {
    const { loaded, total } = progress
    const of = total ? ` of ${megabytes(total)}` : ''
    return { value: total && loaded / total, text: `Downloading: ${megabytes(loaded)}${of}` }
  }
  if (progress?.stage === 'cache') return { text: 'Reading from the cache' }
  if (progress?.stage === 'compile') return { text: `Preparing for ${deviceNames[progress.device]}` }
  return { text: 'Opening' }
}
