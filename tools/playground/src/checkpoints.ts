import { setBusy } from './busy.js'
import { find } from './dom.js'
import { clearProblem, showProblem } from './problem.js'
import { loadNetwork, type Network, type NetworkOptions, type Origin } from './segmentation.js'
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

/** The checkpoints on the page: loads them into the workbench on the chosen device. */
export class Checkpoints {
  private readonly slots: readonly Slot[]
  /** What the networks were loaded for. */
  private used = settings()
  private reloading = new AbortController()

  constructor(private readonly workbench: Workbench) {
    this.slots = [0, 1].map((slot) => ({
      panel: new SlotPanel(slot + 1, {
        onLoad: (origin) => this.load(slot, origin),
        onCancel: () => this.slots[slot].loading?.abort(),
        onRemove: slot === 0 ? undefined : () => this.remove(slot),
      }),
    }))
    list.append(this.slots[0].panel.element)
    compare.addEventListener('click', () => this.showSecond())
    for (const select of [device, precision]) select.addEventListener('change', () => this.reload())
  }

  /** The slot that an element is in; the first one where it is in none. */
  slotOf(element: Element): number {
    return this.slots[1].panel.element.contains(element) ? 1 : 0
  }

  show(networks: Slots<Network>): void {
    for (const [i, { panel }] of this.slots.entries()) panel.showNetwork(networks[i])
  }

  /** What is wrong with the checkpoint is said at its controls; the one before stays. */
  async load(slot: number, origin: Origin): Promise<void> {
    const { panel } = this.slots[slot]
    panel.clearProblem()
    try {
      const network = await this.open(slot, origin)
      if (network) await this.put(slot, network)
    } catch (error) {
      panel.showProblem(error)
    }
  }

  /** Loads what there is again, for the device and the precision chosen now. */
  private async reload(): Promise<void> {
    clearProblem(deviceProblem)
    this.reloading.abort()
    const { signal } = (this.reloading = new AbortController())
    const chosen = settings()
    const opened: [Network?, Network?] = [undefined, undefined]
    try {
      for (const [slot, network] of this.workbench.networks.entries()) {
        if (network) opened[slot] = await this.open(slot, network.origin)
        signal.throwIfAborted()
      }
      const [first, second] = this.workbench.networks
      await this.workbench.change({ networks: [opened[0] ?? first, opened[1] ?? second] })
      this.used = chosen
    } catch (error) {
      for (const network of opened) void network?.dispose()
      if (signal.aborted) return
      device.value = this.used.device
      precision.value = this.used.precision
      showProblem(deviceProblem, error)
    }
  }

  /** @returns undefined when it was given up for another */
  private async open(slot: number, origin: Origin): Promise<Network | undefined> {
    const { panel, loading } = this.slots[slot]
    loading?.abort()
    const { signal } = (this.slots[slot].loading = new AbortController())
    panel.showLoading(undefined)
    setBusy('Loading the checkpoint…', true)
    try {
      const onProgress: NetworkOptions['onProgress'] = (progress) => panel.showLoading(progress)
      return await loadNetwork(origin, { ...settings(), signal, onProgress })
    } catch (error) {
      if (signal.aborted) return undefined
      throw error
    } finally {
      if (this.slots[slot].loading?.signal === signal) {
        panel.endLoading()
        setBusy('Loading the checkpoint…', false)
      }
    }
  }

  private remove(slot: number): void {
    this.slots[slot].loading?.abort()
    this.slots[slot].panel.element.remove()
    compare.hidden = false
    compare.focus()
    void this.put(slot, undefined).catch((error) => this.slots[0].panel.showProblem(error))
  }

  private showSecond(): void {
    const { element } = this.slots[1].panel
    list.append(element)
    compare.hidden = true
    find('.demo', HTMLElement, element).focus()
  }

  private put(slot: number, network: Network | undefined): Promise<boolean> {
    const [first, second] = this.workbench.networks
    return this.workbench.change({ networks: slot === 0 ? [network, second] : [first, network] })
  }
}

const settings = () =>
  ({ device: device.value, precision: precision.value }) as Required<
    Pick<NetworkOptions, 'device' | 'precision'>
  >
