import { setBusy } from './busy.js'
import { find } from './dom.js'
import { clearProblem, showProblem } from './problem.js'
import { loadNetwork, type Network, type NetworkOptions, type NetworkSource } from './segmentation.js'
import { SlotPanel } from './slot-panel.js'
import type { Slots, Workbench } from './workbench.js'

const device = find('#device', HTMLSelectElement)
const precision = find('#precision', HTMLSelectElement)
const deviceProblem = find('#device-problem', HTMLElement)
const compare = find('#compare', HTMLButtonElement)
const list = find('#slots', HTMLElement)

interface Slot {
  readonly panel: SlotPanel
  loading?: AbortController
}

/** The checkpoints on the page. Loads them on the chosen device and gives them to the workbench. */
export class Checkpoints {
  readonly #slots: readonly Slot[]
  /** The device and the precision that the networks were loaded for. */
  #used = settings()
  #reloading = new AbortController()

  readonly #workbench: Workbench

  constructor(workbench: Workbench) {
    this.#workbench = workbench
    this.#slots = [0, 1].map((slot) => ({
      panel: new SlotPanel(slot + 1, {
        onLoad: (source) => this.load(slot, source),
        onCancel: () => this.#slots[slot].loading?.abort(),
        onRemove: slot === 0 ? undefined : () => this.#remove(slot),
      }),
    }))
    list.append(this.#slots[0].panel.element)
    compare.addEventListener('click', () => this.#showSecond())
    for (const select of [device, precision]) select.addEventListener('change', () => this.#reload())
  }

  /** Returns the index of the slot that contains an element; 0 if none does. */
  slotOf(element: Element): number {
    return this.#slots[1].panel.element.contains(element) ? 1 : 0
  }

  show(networks: Slots<Network>): void {
    for (const [i, { panel }] of this.#slots.entries()) panel.showNetwork(networks[i])
  }

  /** Loads a checkpoint. Errors are shown at its controls, and the previous checkpoint stays. */
  async load(slot: number, source: NetworkSource): Promise<void> {
    const { panel } = this.#slots[slot]
    if (slot === 1) this.#openSecond()
    panel.clearProblem()
    try {
      const network = await this.#open(slot, source)
      if (network) await this.#put(slot, network)
    } catch (error) {
      panel.showProblem(error)
    }
  }

  /** Loads the current checkpoints again for the chosen device and precision. */
  async #reload(): Promise<void> {
    clearProblem(deviceProblem)
    this.#reloading.abort()
    const { signal } = (this.#reloading = new AbortController())
    const chosen = settings()
    const opened: [Network?, Network?] = [undefined, undefined]
    try {
      for (const [slot, network] of this.#workbench.networks.entries()) {
        if (network) opened[slot] = await this.#open(slot, network.source)
        signal.throwIfAborted()
      }
      const [first, second] = this.#workbench.networks
      await this.#workbench.change({ networks: [opened[0] ?? first, opened[1] ?? second] })
      this.#used = chosen
    } catch (error) {
      for (const network of opened) void network?.dispose()
      if (signal.aborted) return
      device.value = this.#used.device
      precision.value = this.#used.precision
      showProblem(deviceProblem, error)
    }
  }

  /** @returns undefined if loading was canceled or replaced by another checkpoint */
  async #open(slot: number, source: NetworkSource): Promise<Network | undefined> {
    const { panel, loading } = this.#slots[slot]
    loading?.abort()
    const { signal } = (this.#slots[slot].loading = new AbortController())
    panel.showLoading(undefined)
    setBusy('Loading the checkpoint…', true)
    try {
      const onProgress: NetworkOptions['onProgress'] = (progress) => panel.showLoading(progress)
      return await loadNetwork(source, { ...settings(), signal, onProgress })
    } catch (error) {
      if (signal.aborted) return undefined
      throw error
    } finally {
      if (this.#slots[slot].loading?.signal === signal) {
        panel.endLoading()
        setBusy('Loading the checkpoint…', false)
      }
    }
  }

  #remove(slot: number): void {
    this.#slots[slot].loading?.abort()
    this.#slots[slot].panel.element.remove()
    compare.hidden = false
    compare.focus()
    void this.#put(slot, undefined).catch((error) => this.#slots[0].panel.showProblem(error))
  }

  #openSecond(): void {
    list.append(this.#slots[1].panel.element)
    compare.hidden = true
  }

  #showSecond(): void {
    const { element } = this.#slots[1].panel
    this.#openSecond()
    find('.model-choice', HTMLElement, element).focus()
  }

  #put(slot: number, network: Network | undefined): Promise<boolean> {
    const [first, second] = this.#workbench.networks
    return this.#workbench.change({ networks: slot === 0 ? [network, second] : [first, network] })
  }
}

const settings = () =>
  ({ device: device.value, precision: precision.value }) as Required<
    Pick<NetworkOptions, 'device' | 'precision'>
  >
